"""The eight calls, from a client through the wire to an executor and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc import aio

from argoexec_cli.errors import (
    AlreadyExistsError,
    InternalError,
    InvalidError,
    NotFoundError,
    StartError,
    UnsupportedFieldError,
)
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodQuery, PodRef, PodUpdate
from argoexec_cli.rpc.channel import Connection
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, executor_pb2_grpc
from argoexec_cli.rpc.records import request_to_message
from argoexec_cli.rpc.status import from_status
from tests.daemon.memory import MemoryExecutor, ref, request


def run_pod(connection: Connection, name: str = "echo") -> AsyncIterator[Any]:
    """Open a RunPod stream, as a controller in another language would."""
    stub = executor_pb2_grpc.ExecutorStub(connection.channel)  # type: ignore[no-untyped-call]
    return aiter(stub.RunPod(request_to_message(request(name))))


async def watched(executor: MemoryExecutor, count: int) -> None:
    """Wait until *count* watches are open."""
    async with asyncio.timeout(30):
        while executor.watchers != count:
            await executor.changed.next()()


async def take(updates: AsyncIterator[PodUpdate], until: str) -> list[PodUpdate]:
    """Take updates up to and with the first of the type *until*."""
    taken = []
    async with asyncio.timeout(30):
        async for update in updates:
            taken.append(update)
            if update.type == until:
                return taken
    return taken


async def test_run_pod_returns_the_record_that_the_executor_has(
    remote: RemoteExecutor, executor: MemoryExecutor
) -> None:
    record = await remote.run_pod(request())
    assert record == executor.records["default", "echo"]


async def test_run_pod_twice_is_the_same_pod_and_another_spec_is_refused(
    remote: RemoteExecutor,
) -> None:
    first = await remote.run_pod(request())
    assert await remote.run_pod(request()) == first
    with pytest.raises(AlreadyExistsError, match="default/echo is another pod") as caught:
        await remote.run_pod(request(image="other"))
    assert caught.value.hint == "argoexec delete"


async def test_the_stream_tells_each_event_once_and_ends_with_the_pod(
    connection: Connection, executor: MemoryExecutor
) -> None:
    call = run_pod(connection)
    first = await anext(call)
    await watched(executor, 1)
    executor.change("echo", "Pending", event="Pulling")
    executor.change("echo", "Running", event="Started")
    executor.change("echo", "Succeeded")
    rest = [result.record async for result in call]
    assert first.record.pod.status.phase == "Pending"
    assert [event.reason for record in rest for event in record.events] == ["Pulling", "Started"]
    assert rest[-1].pod.status.phase == "Succeeded"
    revisions = [first.record.revision, *(record.revision for record in rest)]
    assert revisions == sorted(set(revisions))
    await watched(executor, 0)


async def test_a_client_that_attaches_late_hears_all_events_first_and_none_twice(
    connection: Connection, executor: MemoryExecutor
) -> None:
    await executor.run_pod(request())
    executor.change("echo", "Running", event="Started")
    call = run_pod(connection)
    first = await anext(call)
    await watched(executor, 1)
    executor.change("echo", "Succeeded", event="Ended")
    rest = [result.record async for result in call]
    assert [event.reason for event in first.record.events] == ["Started"]
    assert [event.reason for record in rest for event in record.events] == ["Ended"]


async def test_an_event_that_happens_again_comes_again_with_its_count(
    connection: Connection, executor: MemoryExecutor
) -> None:
    call = run_pod(connection)
    await anext(call)
    await watched(executor, 1)
    executor.change("echo", "Pending", event="BackOff")
    executor.change("echo", "Pending", event="BackOff", count=2)
    executor.change("echo", "Failed")
    events = [event async for result in call for event in result.record.events]
    assert [(event.reason, event.count) for event in events] == [("BackOff", 1), ("BackOff", 2)]


async def test_attaching_to_a_pod_that_has_ended_gives_one_message(
    connection: Connection, executor: MemoryExecutor
) -> None:
    await executor.run_pod(request())
    executor.change("echo", "Failed", event="Killing")
    (result,) = [result async for result in run_pod(connection)]
    assert result.record.pod.status.phase == "Failed"
    assert [event.reason for event in result.record.events] == ["Killing"]


async def test_a_client_that_goes_away_stops_the_waiting_and_nothing_else(
    connection: Connection, executor: MemoryExecutor
) -> None:
    stub = executor_pb2_grpc.ExecutorStub(connection.channel)  # type: ignore[no-untyped-call]
    call = stub.RunPod(request_to_message(request()))
    await call.read()
    await watched(executor, 1)
    call.cancel()
    await watched(executor, 0)
    assert executor.stopped == []
    assert executor.records["default", "echo"].pod.status.phase == "Pending"


async def test_a_pod_that_is_deleted_before_its_end_ends_the_stream_with_not_found(
    connection: Connection, executor: MemoryExecutor
) -> None:
    call = run_pod(connection)
    await anext(call)
    await watched(executor, 1)
    await executor.delete_pod(ref())
    with pytest.raises(aio.AioRpcError) as caught:
        [result async for result in call]
    error = from_status(caught.value, "")
    assert isinstance(error, NotFoundError)
    assert error.message == "default/echo was deleted before it had ended"


async def test_get_pod_by_name_and_by_uid(remote: RemoteExecutor, executor: MemoryExecutor) -> None:
    await executor.run_pod(request(uid="u1"))
    executor.change("echo", "Running", event="Started")
    record = await remote.get_pod(ref())
    assert [event.reason for event in record.events] == ["Started"]
    assert await remote.get_pod(PodRef(name="echo", uid="u1")) == record
    with pytest.raises(NotFoundError, match="no pod default/echo") as caught:
        await remote.get_pod(PodRef(name="echo", uid="u2"))
    assert caught.value.hint == "argoexec list"
    with pytest.raises(FieldError, match=r"ref\.name: required"):
        await remote.get_pod(PodRef(name=""))


async def test_list_pods_filters_and_pages(
    remote: RemoteExecutor, executor: MemoryExecutor
) -> None:
    for number in range(5):
        await executor.run_pod(request(f"p{number}"))
    executor.change("p3", "Running")
    page = await remote.list_pods(PodQuery(limit=3))
    assert [record.pod.metadata.name for record in page.records] == ["p0", "p1", "p2"]
    rest = await remote.list_pods(PodQuery(limit=3, page_token=page.next_page_token))
    assert [record.pod.metadata.name for record in rest.records] == ["p3", "p4"]
    assert rest.next_page_token == ""
    assert len((await remote.list_pods(PodQuery(phase="Running"))).records) == 1
    assert len((await remote.list_pods(PodQuery(name="p4"))).records) == 1
    with pytest.raises(InvalidError, match="label selector"):
        await remote.list_pods(PodQuery(selector="a b"))


async def test_watch_pods_replays_says_synced_and_follows(
    remote: RemoteExecutor, executor: MemoryExecutor
) -> None:
    await executor.run_pod(request())
    updates = remote.watch_pods(PodQuery())
    replay = await take(updates, "SYNCED")
    executor.change("echo", "Running", event="Started")
    (news,) = await take(updates, "MODIFIED")
    assert [update.type for update in replay] == ["ADDED", "SYNCED"]
    assert news.record is not None
    assert news.record.events[0].reason == "Started"
    await updates.aclose()  # type: ignore[attr-defined] # a generator, as all of ours
    await watched(executor, 0)


async def test_watch_pods_goes_on_after_a_token(
    remote: RemoteExecutor, executor: MemoryExecutor
) -> None:
    await executor.run_pod(request("a"))
    updates = remote.watch_pods(PodQuery())
    token = (await take(updates, "SYNCED"))[-1].token
    await updates.aclose()  # type: ignore[attr-defined] # a generator, as all of ours
    await executor.run_pod(request("b"))
    later = remote.watch_pods(PodQuery(), token)
    names = [
        update.record.pod.metadata.name for update in await take(later, "SYNCED") if update.record
    ]
    assert names == ["b"]
    await later.aclose()  # type: ignore[attr-defined] # a generator, as all of ours


@pytest.mark.parametrize(
    ("grace_s", "arrives"), [(None, None), (0, 0), (2.5, 3), (30.0, 30)], ids=str
)
async def test_stop_pod_carries_the_grace_in_whole_seconds(
    remote: RemoteExecutor,
    executor: MemoryExecutor,
    grace_s: float | None,
    arrives: float | None,
) -> None:
    await executor.run_pod(request())
    await remote.stop_pod(ref(), grace_s)
    assert executor.stopped == [(ref(), arrives)]


async def test_delete_pod_forgets_it(remote: RemoteExecutor, executor: MemoryExecutor) -> None:
    await executor.run_pod(request())
    await remote.delete_pod(ref())
    assert executor.records == {}
    with pytest.raises(NotFoundError):
        await remote.delete_pod(ref())


async def test_logs_follow_to_the_end(remote: RemoteExecutor, executor: MemoryExecutor) -> None:
    await executor.run_pod(request())
    executor.write(b"one\n")
    chunks = remote.pod_logs(ref(), LogQuery(follow=True))
    first = await anext(chunks)
    executor.write(b"\xff\r two\n")
    executor.end_log()
    rest = [chunk async for chunk in chunks]
    assert [run.data for run in first.runs()] == [b"one\n"]
    assert [chunk.data for chunk in rest] == [b"\xff\r two\n"]
    assert (rest[0].cursor, list(rest[0].times)) == ("2", [2])


async def test_a_log_query_arrives_as_it_was_sent(
    remote: RemoteExecutor, executor: MemoryExecutor
) -> None:
    await executor.run_pod(request())
    queries = [
        LogQuery(container="main", tail_lines=0, since_ns=1_700_000_000_123_456_789, previous=True),
        LogQuery(cursor="0", limit_bytes=7),
    ]
    for query in queries:
        assert [chunk async for chunk in remote.pod_logs(ref(), query)] == []
    assert executor.asked == queries
    with pytest.raises(InvalidError, match="exclude each other"):
        await anext(remote.pod_logs(ref(), LogQuery(cursor="1", tail_lines=3)))
    with pytest.raises(InvalidError, match="is no container"):
        await anext(remote.pod_logs(ref(), LogQuery(container="x")))


async def test_info_arrives_whole(remote: RemoteExecutor, executor: MemoryExecutor) -> None:
    assert await remote.info() == executor.described


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            lambda m: m.pod.spec.containers[0].lifecycle.SetInParent(),
            "spec.containers[0].lifecycle",
        ),
        (
            lambda m: m.secrets.add().metadata.MergeFromString(b"\xf8\x3f\x01"),
            "secrets[0].metadata.#1023",
        ),
        (
            lambda m: m.outputs.parameters.add().MergeFromString(b"\xf8\x3f\x01"),
            "outputs.parameters[0].#1023",
        ),
        (lambda m: m.MergeFromString(b"\xf8\x3f\x01"), "#1023"),
        (lambda m: m.outputs.MergeFromString(b"\xf8\x3f\x01"), "outputs.#1023"),
    ],
    ids=["lifecycle", "secrets", "parameters", "number", "outputs-number"],
)
async def test_what_is_not_implemented_is_refused_by_its_path(
    connection: Connection, executor: MemoryExecutor, change: Any, path: str
) -> None:
    message: executor_pb2.RunPodRequest = request_to_message(request())
    change(message)
    stub = executor_pb2_grpc.ExecutorStub(connection.channel)  # type: ignore[no-untyped-call]
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.RunPod(message).read()
    error = from_status(caught.value, "")
    assert isinstance(error, UnknownFieldError)
    assert isinstance(error, UnsupportedFieldError)
    assert (error.path, error.message) == (path, f"{path} is not supported")
    assert executor.records == {}


async def test_a_bug_is_internal_to_the_client_and_a_traceback_in_the_log(
    remote: RemoteExecutor,
    executor: MemoryExecutor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(ref: PodRef) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr(executor, "get_pod", fail)
    with pytest.raises(InternalError, match=r"GetPod failed: KeyError$"):
        await remote.get_pod(ref())
    assert "Traceback" in caplog.text
    assert "a secret detail" in caplog.text


async def test_an_error_in_the_middle_of_a_stream_keeps_its_class(
    remote: RemoteExecutor, executor: MemoryExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(query: PodQuery, token: str = "") -> AsyncIterator[PodUpdate]:
        yield PodUpdate("SYNCED", token="1")
        raise StartError("no such command", hint="look at the image")

    monkeypatch.setattr(executor, "watch_pods", fail)
    updates = remote.watch_pods(PodQuery())
    assert (await anext(updates)).type == "SYNCED"
    with pytest.raises(StartError, match="no such command"):
        await anext(updates)
