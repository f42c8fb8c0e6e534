"""The built-in controller at the other end of a connection: a `models.workflows.Workflows`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING

from argoexec_cli.models.companions import NOTHING, Companions
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunPage, RunQuery, RunRef, RunUpdate
from argoexec_cli.rpc import runs
from argoexec_cli.rpc.calls import answered, streamed
from argoexec_cli.rpc.channel import Connection
from argoexec_cli.rpc.client import QUESTION_S
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import workflows_pb2, workflows_pb2_grpc
from argoexec_cli.rpc.resume import PATIENCE, Patience, resumed

if TYPE_CHECKING:
    from argoexec_cli.models.workflows import Workflows


class RemoteWorkflows:
    """Speaks to the controller of a daemon; `UnsupportedError` when that daemon has none.

    Streams and errors are as in `rpc.client.RemoteExecutor`.
    """

    def __init__(self, connection: Connection, *, patience: Patience = PATIENCE) -> None:
        """Use *connection*; *patience* limits how long a broken stream is tried again."""
        self._address = connection.address
        self._patience = patience
        self._stub = workflows_pb2_grpc.WorkflowsStub(connection.channel)  # type: ignore[no-untyped-call] # generated

    async def submit(self, run: WorkflowRun, beside: Companions = NOTHING) -> WorkflowRun:
        """Accept the run; return once that is durable."""
        message = runs.submit_to_message(run, beside)
        answer = await answered(self._stub.Submit(message, timeout=QUESTION_S), self._address)
        return runs.run_from_message(answer)

    async def get_run(self, ref: RunRef) -> WorkflowRun:
        """Return the run as it is now."""
        message = workflows_pb2.GetRunRequest(ref=runs.ref_to_message(ref))
        answer = await answered(self._stub.GetRun(message, timeout=QUESTION_S), self._address)
        return runs.run_from_message(answer)

    async def list_runs(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match, oldest first."""
        message = runs.list_to_message(query)
        answer = await answered(self._stub.ListRuns(message, timeout=QUESTION_S), self._address)
        return runs.page_from_message(answer)

    def watch_runs(self, query: RunQuery, token: str = "") -> AsyncIterator[RunUpdate]:
        """Replay, say SYNCED, then follow; a broken connection is resumed after the last token."""
        last, synced = token, False

        async def attempt() -> AsyncGenerator[RunUpdate, None]:
            nonlocal last, synced
            call = self._stub.WatchRuns(runs.watch_to_message(query, last))
            stream = streamed(call, self._address)
            try:
                async for message in stream:
                    update = runs.update_from_message(message)
                    last = update.token or last
                    if update.type != "SYNCED" or not synced:
                        synced = synced or update.type == "SYNCED"
                        yield update
            finally:
                await stream.aclose()

        return resumed(attempt, patience=self._patience)

    async def stop_run(self, ref: RunRef, message: str = "") -> None:
        """Ask the run and its pods to end."""
        wish = workflows_pb2.StopRunRequest(ref=runs.ref_to_message(ref), message=message)
        await answered(self._stub.StopRun(wish, timeout=QUESTION_S), self._address)

    async def delete_run(self, ref: RunRef) -> None:
        """Stop the run if it is active, delete its pods, forget it, however long that takes."""
        wish = workflows_pb2.DeleteRunRequest(ref=runs.ref_to_message(ref))
        await answered(self._stub.DeleteRun(wish), self._address)


if TYPE_CHECKING:
    _: type[Workflows] = RemoteWorkflows
