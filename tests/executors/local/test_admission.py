"""Cpu, memory and count are given in order, and given back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from argoexec_cli.errors import CapacityError
from argoexec_cli.executors.local.admission import Admission, Need, Room, need_of
from argoexec_cli.models.pod import Container, PodSpec, ResourceRequirements

ROOM = Room(cpu_millicores=1000, memory_bytes=100, max_pods=3)


class Pod:
    """A pod at the door: `inside` once it is admitted, until `leave`."""

    def __init__(self, admission: Admission, need: Need) -> None:
        """Come to the door."""
        self.inside = False
        self._left = asyncio.Event()
        self.task = asyncio.ensure_future(self._run(admission, need))

    async def _run(self, admission: Admission, need: Need) -> None:
        async with admission.admitted(need):
            self.inside = True
            await self._left.wait()
        self.inside = False

    async def leave(self) -> None:
        """Go."""
        self._left.set()
        await self.task

    async def give_up(self) -> None:
        """Go, wherever it is."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_large_pod_is_not_overtaken() -> None:
    admission = Admission(ROOM)
    first = Pod(admission, Need(600, 0))
    large, small = Pod(admission, Need(900, 0)), Pod(admission, Need(100, 0))
    await settle()
    assert (first.inside, large.inside, small.inside) == (True, False, False)
    assert (admission.running, admission.queued) == (1, 2)
    await first.leave()
    await settle()
    assert (large.inside, small.inside) == (True, True)
    await asyncio.gather(large.leave(), small.leave())
    assert (admission.running, admission.queued) == (0, 0)


async def test_who_gives_up_waiting_lets_the_next_in() -> None:
    admission = Admission(ROOM)
    first = Pod(admission, Need(600, 0))
    large, small = Pod(admission, Need(900, 0)), Pod(admission, Need(100, 0))
    await settle()
    await large.give_up()
    await settle()
    assert (first.inside, small.inside) == (True, True)
    await asyncio.gather(first.leave(), small.leave())
    assert admission.running == 0


async def test_who_gives_up_at_the_moment_of_its_turn_gives_it_back() -> None:
    admission = Admission(ROOM)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(admission.admitted(Need(1000, 0)))
        waiting = Pod(admission, Need(1000, 0))
        await settle()
    await waiting.give_up()
    assert (admission.running, admission.queued) == (0, 0)
    last = Pod(admission, Need(1000, 100))
    await settle()
    assert last.inside
    await last.leave()


async def test_count_is_a_limit_and_the_adopted_come_in_unasked() -> None:
    admission = Admission(ROOM)
    pods = [Pod(admission, Need(0, 0)) for _ in range(4)]
    await settle()
    assert [pod.inside for pod in pods] == [True, True, True, False]
    async with admission.admitted(Need(5000, 5000), now=True):
        assert admission.running == 4
    await pods[0].leave()
    await settle()
    assert pods[3].inside
    await asyncio.gather(*(pod.leave() for pod in pods[1:]))


@pytest.mark.parametrize(
    ("need", "message"),
    [
        (Need(1001, 0), r"asks for 1\.001 cpu, this host has 1$"),
        (Need(0, 5 << 20), "asks for 5 MiB of memory, this host has 0 MiB"),
    ],
)
def test_what_never_fits_is_refused(need: Need, message: str) -> None:
    with pytest.raises(CapacityError, match=message):
        Admission(ROOM).check(need)
    Admission(ROOM).check(Need(1000, 100))


def test_need_is_what_kubernetes_takes() -> None:
    def make(limit: str, asked: str | None = None) -> Container:
        requests: dict[str, str | int | float] = {"cpu": asked} if asked else {}
        its = ResourceRequirements(limits={"cpu": limit}, requests=requests)
        return Container(name="x", image="i", resources=its)

    spec = PodSpec(containers=(make("1", "500m"), make("250m")), init_containers=(make("2"),))
    assert need_of(spec) == Need(2000, 0)
    assert need_of(PodSpec(containers=spec.containers)) == Need(750, 0)
    assert need_of(PodSpec(containers=(Container(name="x", image="i"),))) == Need(0, 0)
