"""The executor at the other end of a connection: a `models.executor.Executor` like any other."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Final

import msgspec

from argoexec_cli.errors import InternalError, UnavailableError
from argoexec_cli.models.executor import ExecutorInfo
from argoexec_cli.models.logs import LogChunk, LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord, PodRef, PodRequest, PodUpdate
from argoexec_cli.rpc import log_columns, queries, records
from argoexec_cli.rpc.calls import answered, streamed
from argoexec_cli.rpc.channel import Connection
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import (
    executor_pb2,
    executor_pb2_grpc,
    info_pb2,
)
from argoexec_cli.rpc.resume import PATIENCE, Patience, resumed

if TYPE_CHECKING:
    from argoexec_cli.models.executor import Executor

QUESTION_S: Final = 60.0
"""How long an answer may take that needs no waiting for a pod: lists of thousands included."""


class RemoteExecutor:
    """Speaks to the daemon at the other end of a `Connection`, which whoever made it closes.

    Streams resume by themselves after a broken connection and give up as `rpc.resume` says. Single
    calls are not repeated: `UnavailableError` leaves that to the caller.
    """

    def __init__(self, connection: Connection, *, patience: Patience = PATIENCE) -> None:
        """Use *connection*; *patience* limits how long a broken stream is tried again."""
        self._address = connection.address
        self._patience = patience
        self._stub = executor_pb2_grpc.ExecutorStub(connection.channel)  # type: ignore[no-untyped-call] # generated

    async def run_pod(self, request: PodRequest) -> PodRecord:
        """Accept the pod; what follows on the wire is left to `watch_pods`."""
        message = records.request_to_message(request)
        stream = streamed(self._stub.RunPod(message), self._address)
        try:
            async for result in stream:
                return records.record_from_message(result.record)
        finally:
            await stream.aclose()
        raise InternalError(f"the server at {self._address} accepted nothing and refused nothing")

    async def get_pod(self, ref: PodRef) -> PodRecord:
        """Return the pod as it is now, with all its events."""
        message = executor_pb2.GetPodRequest(ref=records.ref_to_message(ref))
        answer = await answered(self._stub.GetPod(message, timeout=QUESTION_S), self._address)
        return records.record_from_message(answer.record)

    async def list_pods(self, query: PodQuery) -> PodPage:
        """Return a page of the pods that match, oldest first."""
        message = queries.list_to_message(query)
        answer = await answered(self._stub.ListPods(message, timeout=QUESTION_S), self._address)
        return queries.page_from_message(answer)

    def watch_pods(self, query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        """Replay, say SYNCED, then follow; a broken connection is resumed after the last token."""
        last, synced = token, False

        async def attempt() -> AsyncGenerator[PodUpdate, None]:
            nonlocal last, synced
            call = self._stub.WatchPods(queries.watch_to_message(query, last))
            stream = streamed(call, self._address)
            try:
                async for message in stream:
                    update = queries.update_from_message(message)
                    last = update.token or last
                    if update.type != "SYNCED" or not synced:
                        synced = synced or update.type == "SYNCED"
                        yield update
            finally:
                await stream.aclose()

        return resumed(attempt, patience=self._patience)

    async def stop_pod(self, ref: PodRef, grace_s: float | None = None) -> None:
        """Ask the pod to end. The wire has whole seconds: a fraction is rounded up."""
        message = executor_pb2.StopPodRequest(
            ref=records.ref_to_message(ref),
            grace_seconds=None if grace_s is None else math.ceil(grace_s),
        )
        await answered(self._stub.StopPod(message, timeout=QUESTION_S), self._address)

    async def delete_pod(self, ref: PodRef) -> None:
        """Stop the pod if it runs, however long that takes, then forget it."""
        message = executor_pb2.DeletePodRequest(ref=records.ref_to_message(ref))
        await answered(self._stub.DeletePod(message), self._address)

    def pod_logs(self, ref: PodRef, query: LogQuery) -> AsyncIterator[LogChunk]:
        """Stream a log; a broken connection is resumed after the last cursor, byte for byte."""
        rest = query

        async def read(part: LogQuery) -> AsyncGenerator[LogChunk, None]:
            nonlocal rest
            call = self._stub.GetPodLogs(queries.logs_to_message(ref, part))
            stream = streamed(call, self._address)
            try:
                async for message in stream:
                    rest = _after(rest, message.cursor, len(message.data))
                    yield log_columns.chunk_from_message(message)
            finally:
                await stream.aclose()

        def attempt() -> AsyncGenerator[LogChunk, None] | None:
            if rest is not query and not rest.cursor:
                raise UnavailableError("the log broke off, and the server gave no cursor to resume")
            finished = query.limit_bytes > 0 and rest.limit_bytes <= 0
            return None if finished else read(rest)

        return resumed(attempt, patience=self._patience)

    async def info(self) -> ExecutorInfo:
        """Describe the executor as it is now."""
        answer = await answered(
            self._stub.GetInfo(info_pb2.GetInfoRequest(), timeout=QUESTION_S), self._address
        )
        return records.info_from_message(answer)


def _after(query: LogQuery, cursor: str, size: int) -> LogQuery:
    """Return what is left of *query* after a chunk of *size* bytes that ends at *cursor*."""
    left = query.limit_bytes and query.limit_bytes - size
    return msgspec.structs.replace(query, cursor=cursor, tail_lines=None, limit_bytes=left)


if TYPE_CHECKING:
    _: type[Executor] = RemoteExecutor
