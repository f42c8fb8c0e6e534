"""The executor dies at any of its calls, and the next one on the same state finishes the work.

A death is simulated within the process: from the fatal call on, every call into the runtime or the
database hangs, all tasks are dropped, and whatever the engine and the disk hold by then is all
that the next executor gets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from argoexec_cli.executors.local.database import Database
from argoexec_cli.executors.local.manager import LocalExecutor, open_local
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.models.record import PodQuery, PodRecord, PodRequest
from argoexec_cli.runtime.base import ContainerSpec, Handle, LogBatch, Runtime
from argoexec_cli.runtime.fake import FakeEngine, open_fake
from tests.executors.local.faults import FlakyRuntime
from tests.executors.local.opening import fast_settings
from tests.executors.pods import container, ended, eventually, log, request, running

LINES = 40
SCRIPT = f"fill {LINES} 20; sleep 0.01; echo half; sleep 0.01; fill {LINES} 20; exit 3"
_FILL = b"".join(b"%019d\n" % number for number in range(LINES))
WHOLE = _FILL + b"half\n" + _FILL
MOST_CALLS = 400
Lifetime = AsyncIterator[LocalExecutor]


class Life:
    """Counts the calls of one executor, and ends it before or after the effect of one of them."""

    def __init__(self, fatal: int, *, after: bool) -> None:
        """Die at call *fatal*, counted from 1; 0 means never."""
        self.fatal = fatal
        self.after = after
        self.calls = 0
        self.dead = asyncio.Event()

    async def call(self, *, effect_is_done: bool) -> None:
        """Pass, or die; the dead wait for ever."""
        if effect_is_done == self.after:
            self.calls += 1
            if self.calls == self.fatal:
                self.dead.set()
        if self.dead.is_set():
            await asyncio.Event().wait()


class MortalRuntime(FlakyRuntime):
    """A runtime whose caller may die before or after each call; counts how often keys started."""

    def __init__(self, inner: Runtime, life: Life, started: Counter[str]) -> None:
        """Live *life*."""
        super().__init__(inner)
        self._life = life
        self._started = started

    async def start(self, spec: ContainerSpec) -> Handle:
        """See `Runtime`."""
        await self._life.call(effect_is_done=False)
        there = {one.handle.key.object_name for one in await self.inner.list()}
        handle = await self.inner.start(spec)
        if handle.key.object_name not in there:
            self._started[handle.key.object_name] += 1
        await self._life.call(effect_is_done=True)
        return handle

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """See `Runtime`."""
        await self._life.call(effect_is_done=False)
        await self.inner.stop(handle, grace_s=grace_s)
        await self._life.call(effect_is_done=True)

    async def remove(self, handle: Handle) -> None:
        """See `Runtime`."""
        await self._life.call(effect_is_done=False)
        await self.inner.remove(handle)
        await self._life.call(effect_is_done=True)

    async def logs(
        self, handle: Handle, position: str = "", *, follow: bool = True
    ) -> AsyncIterator[LogBatch]:
        """One line at a time, so that it may die between any two."""
        async for runs, end in self.inner.logs(handle, position, follow=follow):
            first = int(end) - len(runs)
            for index, one in enumerate(runs):
                await self._life.call(effect_is_done=False)
                yield LogBatch([one], str(first + index + 1))
                await self._life.call(effect_is_done=True)


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> list[Life]:
    """Give the list of lives; the last of them counts the calls of the database too."""
    lives: list[Life] = []
    commit = Database.commit

    async def mortal_commit(self: Database, work: object) -> object:
        life = lives[-1]
        await life.call(effect_is_done=False)
        result: object = await commit(self, work)  # type: ignore[arg-type] # passed on
        await life.call(effect_is_done=True)
        return result

    monkeypatch.setattr(Database, "commit", mortal_commit)
    return lives


class World:
    """What outlives an executor: the engine, the disk, and what a test knows."""

    def __init__(self, engine: FakeEngine, data_dir: Path, lives: list[Life]) -> None:
        """Start with nothing."""
        self.engine = engine
        self.settings = fast_settings(data_dir)
        self.lives = lives
        self.started: Counter[str] = Counter()

    @asynccontextmanager
    async def executor(
        self, fatal: int = 0, *, after: bool = False
    ) -> AsyncIterator[LocalExecutor]:
        """Open an executor that dies at call *fatal*."""
        life = Life(0, after=after)
        self.lives.append(life)

        @asynccontextmanager
        async def opened(owner: str) -> AsyncIterator[Runtime]:
            async with open_fake(owner, self.engine) as inner:
                yield MortalRuntime(inner, life, self.started)

        async with open_local(self.settings, opened) as executor:
            life.calls, life.fatal = 0, fatal
            yield executor

    async def live_once(self, wanted: PodRequest, fatal: int, *, after: bool, stop: bool) -> bool:
        """Run a pod in an executor that dies at call *fatal*; returns whether it did."""
        async with self.executor(fatal, after=after) as executor:
            life = self.lives[-1]

            async def work() -> None:
                ref = (await executor.run_pod(wanted)).ref
                if stop:
                    await running(executor, ref)
                    await executor.stop_pod(ref, 0.0)
                await ended(executor, ref)

                async def cleaned() -> bool:
                    return not await executor.host.table.all("cleaned = 0")

                await eventually(cleaned)

            tasks = {asyncio.ensure_future(work()), asyncio.ensure_future(life.dead.wait())}
            _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return life.dead.is_set()

    async def finish(self, wanted: PodRequest) -> tuple[PodRecord, bytes]:
        """Let the next executor finish the pod; returns it and its log."""
        async with self.executor() as executor:
            ref = (await executor.run_pod(wanted)).ref
            record = await ended(executor, ref)
            text = await log(executor, ref, LogQuery(follow=True))

            async def cleaned() -> bool:
                return not await executor.host.table.all("cleaned = 0")

            await eventually(cleaned)
            assert len((await executor.list_pods(PodQuery())).records) == 1
            return record, text


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop", [False, True], ids=["run", "stop"])
@pytest.mark.parametrize("stride", range(4))
async def test_a_death_at_any_call_loses_and_repeats_nothing(
    engine: FakeEngine, tmp_path: Path, lives: list[Life], after: bool, stop: bool, stride: int
) -> None:
    """Every fourth call is fatal in turn; the four strides together cover all of them."""
    spec = PodSpec(containers=(container(SCRIPT),), init_containers=(container("true", "init"),))
    deaths = 0
    for fatal in range(1 + stride, MOST_CALLS, 4):
        world = World(engine, tmp_path / str(fatal), lives)
        wanted = request(spec=spec)
        died = await world.live_once(wanted, fatal, after=after, stop=stop)
        record, text = await world.finish(wanted)
        _check(record, text, stop=stop)
        assert not engine.containers
        assert set(world.started.values()) <= {1}, world.started
        deaths += died
        if not died:
            break
    else:
        pytest.fail("the pod needs more calls than expected")
    assert deaths >= 3


def _check(record: PodRecord, text: bytes, *, stop: bool) -> None:
    status = record.pod.status
    assert status.phase == "Failed"
    if stop and status.reason == "Stopped":
        assert WHOLE.startswith(text)
        return
    (main,) = status.container_statuses
    assert main.state.terminated is not None, record
    assert (main.state.terminated.exit_code, record.outputs.exit_code) == (3, "3")
    assert text == WHOLE


@pytest.mark.parametrize("seed", range(3))
async def test_many_deaths_of_many_pods(
    engine: FakeEngine, tmp_path: Path, lives: list[Life], seed: int
) -> None:
    """A queue of pods goes through a row of short lives; each pod still ends once."""
    world = World(engine, tmp_path, lives)
    wanted = [request(SCRIPT, f"pod-{number}") for number in range(12)]
    for death in range(12):
        fatal = 20 + (death * 37 + seed * 101) % 150
        async with world.executor(fatal, after=bool(death % 2)) as executor:
            submit = asyncio.gather(*map(executor.run_pod, wanted), return_exceptions=True)
            watching = asyncio.ensure_future(_watch(executor))
            dead = asyncio.ensure_future(world.lives[-1].dead.wait())
            await asyncio.wait({dead, watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in (submit, watching, dead):
                task.cancel()
            await asyncio.gather(submit, watching, dead, return_exceptions=True)
    async with world.executor() as executor:
        for one in wanted:
            ref = (await executor.run_pod(one)).ref
            record = await ended(executor, ref)
            _check(record, await log(executor, ref), stop=False)

        async def cleaned() -> bool:
            return not await executor.host.table.all("cleaned = 0")

        await eventually(cleaned)
    assert not engine.containers
    assert set(world.started.values()) == {1}
    assert len(world.started) == len(wanted)


async def _watch(executor: LocalExecutor) -> None:
    """See that no pod has two different ends, until all have one."""
    over: dict[str, object] = {}
    async for update in executor.watch_pods(PodQuery()):
        if update.record and update.record.pod.status.terminal:
            uid = update.record.pod.metadata.uid
            state = (update.record.pod.status.phase, update.record.outputs)
            assert over.setdefault(uid, state) == state
            if len(over) == 12:
                return
