"""What every executor must do, whoever implements it: the contract of `models.executor`.

What becomes of a pod is in the cases that ship with the program (see `casebook`); here are the
calls themselves.

Subclass `ExecutorConformance` and give the fixtures `executor` and `reopen`, which closes the
executor and opens it again on the same state. The scripts are words that both busybox's shell and
the fake runtime understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import STDERR, STDOUT, LogQuery
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodQuery, PodRef, PodRequest, PodUpdate
from tests.executors.pods import (
    LIMIT_S,
    chunks,
    container,
    log,
    request,
    run,
    running,
)

Reopen = Callable[[], Awaitable[Executor]]


class RunCases:
    """`run_pod`, and what becomes of a pod."""

    async def test_accepted_is_pending_and_has_an_identity(self, executor: Executor) -> None:
        record = await executor.run_pod(request("sleep 60", labels={"app": "x"}))
        assert record.pod.metadata.namespace == "default"
        assert record.pod.metadata.uid
        assert record.pod.metadata.creation_timestamp is not None
        assert not record.pod.status.terminal
        assert (await executor.get_pod(record.ref)).pod.metadata == record.pod.metadata

    async def test_the_same_request_is_the_same_pod(self, executor: Executor) -> None:
        first = await executor.run_pod(request("echo once"))
        again = await executor.run_pod(request("echo once"))
        assert again.ref == first.ref
        assert await log(executor, first.ref) == b"once\n"

    async def test_a_name_with_another_spec_or_uid_is_taken(self, executor: Executor) -> None:
        await executor.run_pod(request("true"))
        with pytest.raises(AlreadyExistsError, match="default/a exists with another spec"):
            await executor.run_pod(request("false"))
        with pytest.raises(AlreadyExistsError, match="another uid"):
            await executor.run_pod(request("true", uid="another"))

    async def test_many_at_once_with_one_name_are_one_pod(self, executor: Executor) -> None:
        records = await asyncio.gather(*(executor.run_pod(request("true")) for _ in range(8)))
        assert len({record.pod.metadata.uid for record in records}) == 1

    async def test_what_can_never_run_is_refused(self, executor: Executor) -> None:
        with pytest.raises(InvalidError, match=r"metadata\.name"):
            await executor.run_pod(request(name="Not Valid"))
        with pytest.raises(InvalidError, match=r"metadata\.uid"):
            await executor.run_pod(request(uid="../../etc"))
        assert not (await executor.list_pods(PodQuery())).records


class StopCases:
    """`stop_pod` and `delete_pod`."""

    async def test_stopping_what_has_ended_changes_nothing(self, executor: Executor) -> None:
        record = await run(executor, request("exit 3"))
        await executor.stop_pod(record.ref)
        assert (await executor.get_pod(record.ref)).pod.status == record.pod.status

    async def test_delete_ends_and_forgets(self, executor: Executor) -> None:
        spec = PodSpec(containers=(container("sleep 60"),), termination_grace_period_seconds=0)
        ref = (await executor.run_pod(request(spec=spec))).ref
        await running(executor, ref)
        await asyncio.gather(executor.delete_pod(ref), executor.delete_pod(ref))
        for call in (executor.get_pod(ref), executor.stop_pod(ref), executor.delete_pod(ref)):
            with pytest.raises(NotFoundError, match="default/a"):
                await call
        with pytest.raises(NotFoundError):
            await log(executor, ref)
        again = await executor.run_pod(request("echo again"))
        assert again.ref.uid != ref.uid
        assert await log(executor, again.ref) == b"again\n"

    async def test_another_uid_is_not_found(self, executor: Executor) -> None:
        await executor.run_pod(request("true"))
        wrong = PodRef(name="a", uid="another")
        for call in (executor.get_pod(wrong), executor.stop_pod(wrong), executor.delete_pod(wrong)):
            with pytest.raises(NotFoundError):
                await call


class LogCases:
    """`pod_logs`."""

    async def test_follow_from_before_the_start_to_the_end(self, executor: Executor) -> None:
        ref = (await executor.run_pod(request("sleep 0.3; echo one; sleep 0.3; echo two"))).ref
        assert await log(executor, ref) == b"one\ntwo\n"

    async def test_streams_are_told_apart(self, executor: Executor) -> None:
        record = await run(executor, request("echo out; sleep 0.5; echo err >&2"))
        runs = [run for chunk in await chunks(executor, record.ref) for run in chunk.runs()]
        assert [(run.stream, run.data) for run in runs] == [(STDOUT, b"out\n"), (STDERR, b"err\n")]
        assert runs[0].time_ns <= runs[1].time_ns

    async def test_bytes_come_as_they_were_written(self, executor: Executor) -> None:
        record = await run(executor, request(r"printf 'a\r\0\xff\xc3\nend'"))
        assert await log(executor, record.ref) == b"a\r\0\xff\xc3\nend"
        assert await log(executor, record.ref, LogQuery(limit_bytes=3)) == b"a\r\0"

    async def test_tail(self, executor: Executor) -> None:
        record = await run(executor, request("echo 1; sleep 0.1; echo 2; sleep 0.1; echo 3"))
        assert await log(executor, record.ref, LogQuery(tail_lines=0)) == b""
        assert await log(executor, record.ref, LogQuery(tail_lines=2)) == b"2\n3\n"

    async def test_every_cursor_resumes_after_its_chunk(self, executor: Executor) -> None:
        script = "; ".join(f"echo {number}; sleep 0.05" for number in range(10))
        ref = (await executor.run_pod(request(script))).ref
        live = await chunks(executor, ref)
        whole = b"".join(chunk.data for chunk in live)
        assert whole == b"".join(b"%d\n" % number for number in range(10))
        seen = 0
        for chunk in live:
            seen += len(chunk.data)
            query = LogQuery(cursor=chunk.cursor, follow=True)
            assert await log(executor, ref, query) == whole[seen:]

    async def test_what_is_not_there(self, executor: Executor) -> None:
        record = await run(executor, request("true"))
        assert await log(executor, record.ref) == b""
        spec = PodSpec(containers=(container("true", "one"), container("true", "two")))
        several = (await executor.run_pod(request(name="b", spec=spec))).ref
        with pytest.raises(InvalidError, match="one of: one, two"):
            await log(executor, several)
        with pytest.raises(NotFoundError, match="no container 'other'"):
            await log(executor, record.ref, LogQuery(container="other"))
        with pytest.raises(NotFoundError, match="has not been restarted"):
            await log(executor, record.ref, LogQuery(previous=True))
        with pytest.raises(InvalidError, match="not a log cursor"):
            await log(executor, record.ref, LogQuery(cursor="nonsense"))


class WatchCases:
    """`list_pods` and `watch_pods`."""

    async def test_lists_are_oldest_first_and_paged(self, executor: Executor) -> None:
        for name in ("c", "a", "b"):
            await executor.run_pod(request("true", name, labels={"app": name}))
        first = await executor.list_pods(PodQuery(limit=2))
        rest = await executor.list_pods(PodQuery(limit=2, page_token=first.next_page_token))
        names = [record.pod.metadata.name for record in (*first.records, *rest.records)]
        assert (names, rest.next_page_token) == (["c", "a", "b"], "")
        some = await executor.list_pods(PodQuery(selector="app in (a, b)"))
        assert [record.pod.metadata.name for record in some.records] == ["a", "b"]

    async def test_a_watch_replays_then_follows(self, executor: Executor) -> None:
        record = await run(executor, request("true"))
        seen = []
        async with asyncio.timeout(LIMIT_S):
            async for update in executor.watch_pods(PodQuery()):
                seen.append(update)
                if update.type == "SYNCED":
                    await executor.delete_pod(record.ref)
                if update.type == "DELETED":
                    break
        kinds = [update.type for update in seen if update.type != "MODIFIED"]
        assert kinds == ["ADDED", "SYNCED", "DELETED"]

    async def test_a_token_resumes_strictly_after_it(self, executor: Executor) -> None:
        await run(executor, request("true", "a"))
        await run(executor, request("true", "b"))
        first, second, synced = await _updates(executor, 3)
        assert (first.type, second.type, synced.type) == ("ADDED", "ADDED", "SYNCED")
        (rest,) = await _updates(executor, 1, first.token)
        assert rest.record is not None
        assert rest.record.pod.metadata.name == "b"
        (only,) = await _updates(executor, 1, second.token)
        assert only.type == "SYNCED"
        (all_over,) = await _updates(executor, 1, "somebody-else.7")
        assert all_over.type == "ADDED"

    async def test_info_tells_what_it_is(self, executor: Executor) -> None:
        info = await executor.info()
        assert info.protocol == "v1alpha1"
        assert info.runtime
        assert "spec.containers[].image" in info.supported_pod_fields
        assert info.capacity.cpu_millicores > 0


class ReopenCases:
    """What survives the executor's own end."""

    async def test_what_has_ended_stays(self, executor: Executor, reopen: Reopen) -> None:
        before = await run(executor, request("echo kept"))
        executor = await reopen()
        assert await executor.get_pod(before.ref) == before
        assert await log(executor, before.ref) == b"kept\n"

    async def test_tokens_and_cursors_stay(self, executor: Executor, reopen: Reopen) -> None:
        record = await run(executor, request("echo kept"))
        (first,) = await _updates(executor, 1)
        (chunk,) = await chunks(executor, record.ref)
        executor = await reopen()
        (synced,) = await _updates(executor, 1, first.token)
        assert synced.type == "SYNCED"
        assert await log(executor, record.ref, LogQuery(cursor=chunk.cursor)) == b""

    async def test_a_deletion_is_not_forgotten(self, executor: Executor, reopen: Reopen) -> None:
        spec = PodSpec(
            containers=(container("trap '' TERM; sleep 60"),), termination_grace_period_seconds=2
        )
        ref = (await executor.run_pod(request(spec=spec))).ref
        await running(executor, ref)
        deletion = asyncio.ensure_future(executor.delete_pod(ref))
        await _taken(executor, request(spec=spec))
        deletion.cancel()
        await asyncio.gather(deletion, return_exceptions=True)
        executor = await reopen()
        async with asyncio.timeout(LIMIT_S):
            async for update in executor.watch_pods(PodQuery()):
                if update.type == "DELETED":
                    break
                if update.type == "SYNCED" and not (await executor.list_pods(PodQuery())).records:
                    break
        assert not (await executor.list_pods(PodQuery())).records


class ExecutorConformance(RunCases, StopCases, LogCases, WatchCases, ReopenCases):
    """The whole suite."""


async def _updates(executor: Executor, count: int, token: str = "") -> list[PodUpdate]:
    seen = []
    async with asyncio.timeout(LIMIT_S):
        async for update in executor.watch_pods(PodQuery(), token):
            seen.append(update)
            if len(seen) == count:
                break
    return seen


async def _taken(executor: Executor, wanted: PodRequest) -> None:
    """Wait until the deletion of a pod is durable: its name is refused for that reason."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                await executor.run_pod(wanted)
            except AlreadyExistsError as exc:
                assert "is being deleted" in exc.message
                return
            await asyncio.sleep(0.01)
