"""Workflow runs over the wire, through a daemon that has a controller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from grpc import aio

from argoexec_cli.daemon.server import WORKFLOWS, serving
from argoexec_cli.errors import AlreadyExistsError, NotFoundError, UnsupportedError
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.companions import NOTHING, Companions
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.workflow import WorkflowRun, WorkflowRunSpec, WorkflowRunStatus
from argoexec_cli.models.workflows import RunPage, RunQuery, RunRef, RunUpdate
from argoexec_cli.rpc import runs
from argoexec_cli.rpc.channel import Connection, connect
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import workflows_pb2, workflows_pb2_grpc
from argoexec_cli.rpc.resume import Patience
from argoexec_cli.rpc.status import from_status
from argoexec_cli.rpc.workflows_client import RemoteWorkflows
from tests.daemon.memory import MemoryExecutor


def run(name: str, executor: str = "") -> WorkflowRun:
    """Make a run."""
    meta = ObjectMeta(name=name, namespace="default", uid=f"uid-{name}")
    return WorkflowRun(metadata=meta, spec=WorkflowRunSpec(executor=executor))


class MemoryWorkflows:
    """Implements `models.workflows.Workflows`; runs stay as they were submitted."""

    def __init__(self) -> None:
        self.runs: dict[str, WorkflowRun] = {}
        self.asked: list[Any] = []
        self.beside: list[Companions] = []

    async def submit(self, run: WorkflowRun, beside: Companions = NOTHING) -> WorkflowRun:
        self.beside.append(beside)
        known = self.runs.setdefault(run.metadata.name, run)
        if known.spec != run.spec:
            raise AlreadyExistsError("another run has this name")
        return msgspec.structs.replace(known, status=WorkflowRunStatus(phase="Pending"))

    async def get_run(self, ref: RunRef) -> WorkflowRun:
        if ref.name not in self.runs:
            raise NotFoundError(f"there is no run {ref}")
        return self.runs[ref.name]

    async def list_runs(self, query: RunQuery) -> RunPage:
        self.asked.append(query)
        return RunPage(tuple(self.runs.values()), next_page_token="more")

    async def watch_runs(self, query: RunQuery, token: str = "") -> AsyncIterator[RunUpdate]:
        self.asked.append((query, token))
        for number, known in enumerate(self.runs.values()):
            if number >= int(token or 0):
                yield RunUpdate(type="ADDED", run=known, token=str(number + 1))
        yield RunUpdate(type="SYNCED", token=str(len(self.runs)))

    async def stop_run(self, ref: RunRef, message: str = "") -> None:
        self.asked.append((ref, message))

    async def delete_run(self, ref: RunRef) -> None:
        del self.runs[(await self.get_run(ref)).metadata.name]


@pytest.fixture
def workflows() -> MemoryWorkflows:
    """Give a controller without runs."""
    return MemoryWorkflows()


@pytest_asyncio.fixture
async def connection(short_tmp: Path, workflows: MemoryWorkflows) -> AsyncIterator[Connection]:
    """Connect to a daemon that has the controller."""
    address = f"unix://{short_tmp}/s"
    async with (
        serving(MemoryExecutor(), workflows, addresses=(address,)),
        connect(address) as opened,
    ):
        yield opened


@pytest.fixture
def remote(connection: Connection) -> RemoteWorkflows:
    """Give the controller, as a client sees it."""
    return RemoteWorkflows(connection, patience=Patience(0.01, 0.01, 1))


async def test_submit_get_and_delete(remote: RemoteWorkflows) -> None:
    accepted = await remote.submit(run("a", "local"))
    assert accepted.status.phase == "Pending"
    assert await remote.get_run(RunRef(name="a")) == run("a", "local")
    with pytest.raises(AlreadyExistsError, match="another run"):
        await remote.submit(run("a", "other"))
    await remote.delete_run(RunRef(name="a"))
    with pytest.raises(NotFoundError, match="no run default/a"):
        await remote.get_run(RunRef(name="a"))
    with pytest.raises(FieldError, match=r"ref\.name: required"):
        await remote.get_run(RunRef(name=""))


async def test_what_is_beside_a_run_travels(
    remote: RemoteWorkflows, workflows: MemoryWorkflows
) -> None:
    beside = Companions(
        (ConfigMap(metadata=ObjectMeta(name="cm"), data={"a": "b"}),),
        (Secret(metadata=ObjectMeta(name="s"), data={"token": b"\x00hush"}),),
    )
    await remote.submit(run("a"), beside)
    assert workflows.beside == [beside]


async def test_list_asks_for_what_was_asked(
    remote: RemoteWorkflows, workflows: MemoryWorkflows
) -> None:
    await remote.submit(run("a"))
    query = RunQuery("n", "a", "x=y", "Failed", 7, "token")
    page = await remote.list_runs(query)
    assert page == RunPage((run("a"),), next_page_token="more")
    assert workflows.asked == [query]


async def test_watch_and_stop(remote: RemoteWorkflows, workflows: MemoryWorkflows) -> None:
    for name in ("a", "b"):
        await remote.submit(run(name))
    query = RunQuery(namespace="default", phase="Running")
    updates = [update async for update in remote.watch_runs(query, "1")]
    assert updates == [
        RunUpdate(type="ADDED", run=run("b"), token="2"),
        RunUpdate(type="SYNCED", token="2"),
    ]
    await remote.stop_run(RunRef(name="a", namespace="n", uid="u"), "enough")
    assert workflows.asked == [(query, "1"), (RunRef(name="a", namespace="n", uid="u"), "enough")]


@pytest.mark.parametrize(
    ("json", "path"),
    [
        ('{"spec": {"hooks": {}}}', "spec.hooks"),
        ('{"kind": "Workflow"}', "kind"),
    ],
)
async def test_a_document_that_is_wrong_is_refused_by_path(
    connection: Connection, json: str, path: str
) -> None:
    stub = workflows_pb2_grpc.WorkflowsStub(connection.channel)  # type: ignore[no-untyped-call]
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.Submit(workflows_pb2.SubmitRequest(json=json))
    error = from_status(caught.value, "")
    assert isinstance(error, FieldError)
    assert error.path == path


async def test_a_request_of_a_newer_client_is_refused(connection: Connection) -> None:
    stub = workflows_pb2_grpc.WorkflowsStub(connection.channel)  # type: ignore[no-untyped-call]
    request = workflows_pb2.ListRunsRequest()
    request.MergeFromString(b"\xf8\x3f\x01")
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.ListRuns(request)
    assert isinstance(from_status(caught.value, ""), UnknownFieldError)


def test_the_columns_say_what_the_document_says() -> None:
    status = WorkflowRunStatus(phase="Running")
    message = runs.run_to_message(msgspec.structs.replace(run("a"), status=status))
    assert (message.namespace, message.name, message.uid) == ("default", "a", "uid-a")
    assert message.phase == "Running"


def test_an_answer_that_cannot_be_understood_hints_at_versions() -> None:
    message = workflows_pb2.WorkflowRun(json='{"status": {"mood": "fine"}}')
    with pytest.raises(UnsupportedError, match="mood") as caught:
        runs.run_from_message(message)
    assert "argoexec version" in caught.value.hint


def test_the_services_name_is_the_protos() -> None:
    assert WORKFLOWS == "argoexec.v1alpha1.Workflows"
