"""Pods by the hundred on a real engine that all end at one moment, and what is left of them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodQuery, PodRecord
from argoexec_cli.proc import Child, run
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.bench.bed import Bed, pod
from tests.engines import kernel
from tests.executors.pods import eventually, log, reasons

_IDLE_BYTES: Final = 80 << 20
_POD_BYTES: Final = 200 << 10
"""What the daemon may take: idle, and for each live pod."""
_END_S: Final = 300.0
_CALL_S: Final = 300.0
_LIST_EVERY_S: Final = 2.0
# The host's own clock since its boot, in hundredths of a second: what a container sees, too.
_SCRIPT: Final = """\
read up _ </proc/uptime; left=$(({end} - ${{up%.*}}${{up#*.}}))
echo {number}
sleep $((left / 100)).$(printf %02d $((left % 100)))
echo {number} ends >&2
exit {code}
"""


class Result(NamedTuple):
    """What was measured. Seconds: until all ran, from the moment of the end until the engine had
    ended the last one, until the last end was told to a watcher, until all were deleted, and the
    longest `argoexec list`. Bytes: what the daemon took at most.
    """

    runtime: str
    pods: int
    start_s: float
    ended_s: float
    told_s: float
    deleted_s: float
    list_s: float
    idle_bytes: int
    live_bytes: int
    peak_bytes: int


class Crowd:
    """*pods* pods on the daemon of *bed*, all to end *allowance_s* from now."""

    def __init__(self, bed: Bed, *, pods: int, allowance_s: float) -> None:
        """Nothing is submitted yet."""
        self._bed = bed
        self._pods = pods
        self._allowance_s = allowance_s
        self._ends: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._running: set[str] = set()
        self._list_s = 0.0

    async def run(self) -> Result:
        """Run them all; AssertionError for whatever is wrong with any of them."""
        bed, begun, idle = self._bed, _now(), self._bed.rss_bytes()
        end = begun + self._allowance_s
        ended_at = time.time() + self._allowance_s
        async with self._watched() as executor, self._listed():
            await self._submit(end)
            await self._until_all_run(end)
            start_s, live = _now() - begun, bed.rss_bytes()
            await eventually(self._all_ended, limit_s=end - _now() + _END_S)
            records = (await executor.list_pods(PodQuery())).records
            await self._check(executor, records)
        told_s = max(when for seen in self._ends.values() for when, _ in seen) - end
        last = max(_finished(record) for record in records)
        peak = bed.rss_bytes(peak=True)
        assert peak <= _IDLE_BYTES + self._pods * _POD_BYTES, f"the daemon took {peak} bytes"
        deleted_s = await self._delete()
        return Result(
            bed.runtime,
            self._pods,
            start_s=round(start_s, 1),
            ended_s=round(last - ended_at, 2),
            told_s=round(told_s, 2),
            deleted_s=round(deleted_s, 1),
            list_s=round(self._list_s, 2),
            idle_bytes=idle,
            live_bytes=live,
            peak_bytes=peak,
        )

    async def _submit(self, end: float) -> None:
        manifest = self._bed.manifest(
            [
                pod(
                    _name(number), "sh", "-c", _script(number, end), terminationGracePeriodSeconds=1
                )
                for number in range(self._pods)
            ]
        )
        await self._argoexec("submit", str(manifest))

    async def _until_all_run(self, end: float) -> None:
        async def all_run() -> bool:
            return len(self._running) == self._pods

        try:
            await eventually(all_run, limit_s=end - _now())
        except TimeoutError as exc:
            problem = f"only {len(self._running)} of {self._pods} ran in {self._allowance_s:g} s"
            raise AssertionError(problem) from exc

    async def _all_ended(self) -> bool:
        return len(self._ends) == self._pods

    async def _check(self, executor: Executor, records: tuple[PodRecord, ...]) -> None:
        by_name = {record.pod.metadata.name: record for record in records}
        assert len(records) == len(by_name) == self._pods
        for number in range(self._pods):
            record = by_name[_name(number)]
            _check_status(record, number % 7)
            # One end, and nothing after it.
            told = [revision for _, revision in self._ends[_name(number)]]
            assert told == [record.revision], (record.ref, told, record.revision)
            whole = await executor.get_pod(record.ref)
            assert reasons(whole).count("Started") == 1, whole.events
            text = await log(executor, record.ref)
            assert text == b"%d\n%d ends\n" % (number, number), (record.ref, text)

    async def _delete(self) -> float:
        """Delete all, and see that neither engine nor host has anything left of them."""
        bed, began = self._bed, _now()
        await self._argoexec("delete", "--all", "--yes")
        seconds = _now() - began
        assert await self._argoexec("list", "-o", "name") == b""
        # With the daemon go the networks that it keeps for the next pods.
        await asyncio.to_thread(bed.stop)
        assert await asyncio.to_thread(bed.engine.containers) == []
        assert kernel.ports(bed.engine.bridge) == []
        assert kernel.mounts_below(bed.directory) == []
        return seconds

    async def _argoexec(self, *words: str) -> bytes:
        argv = [*self._bed.argoexec, *words]
        return (await run(Child(argv, _CALL_S, self._bed.env))).check().stdout

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[Executor]:
        """Note when each pod first runs, and each time that it is told to have ended."""
        async with connect(f"unix://{self._bed.socket}") as connection:
            executor = RemoteExecutor(connection)
            async with _beside(self._watch(executor)):
                yield executor

    async def _watch(self, executor: Executor) -> None:
        async for update in executor.watch_pods(PodQuery()):
            if update.record is None or update.type == "DELETED":
                continue
            name, status = update.record.pod.metadata.name, update.record.pod.status
            if status.phase == "Running":
                self._running.add(name)
            if status.terminal:
                self._ends[name].append((_now(), update.record.revision))

    @asynccontextmanager
    async def _listed(self) -> AsyncIterator[None]:
        """Have `argoexec list` answer all the time."""
        async with _beside(self._list()):
            yield

    async def _list(self) -> None:
        while True:
            began = _now()
            await self._argoexec("list")
            self._list_s = max(self._list_s, _now() - began)
            await asyncio.sleep(_LIST_EVERY_S)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do *work* while the block runs; its failure is the block's."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome


def _check_status(record: PodRecord, code: int) -> None:
    status = record.pod.status
    assert status.phase == ("Failed" if code else "Succeeded"), record
    (main,) = status.container_statuses
    ended = main.state.terminated
    assert ended is not None, record
    assert (ended.exit_code, ended.signal, main.restart_count) == (code, 0, 0), record
    assert ended.reason == ("Error" if code else "Completed"), record


def _finished(record: PodRecord) -> float:
    ended = record.pod.status.container_statuses[0].state.terminated
    assert ended is not None
    assert ended.finished_at is not None
    return ended.finished_at.timestamp()


def _script(number: int, end: float) -> str:
    return _SCRIPT.format(number=number, end=int(end * 100), code=number % 7)


def _name(number: int) -> str:
    return f"p{number}"


def _now() -> float:
    """Return the seconds since the host's boot, as /proc/uptime has them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
