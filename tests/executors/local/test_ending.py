"""The wish to end, and trying again until it works."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from argoexec_cli.errors import ArgoexecError, CapacityError, NotFoundError, UnavailableError
from argoexec_cli.executors.local.ending import Ending, EndingError
from argoexec_cli.executors.local.retrying import until_it_works


async def test_work_is_given_up_when_the_pod_is_to_end() -> None:
    ending, cancelled = Ending(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    waiting = asyncio.ensure_future(ending.unless(work()))
    await asyncio.sleep(0)
    ending.want("Stopped", "by request", 3.0)
    with pytest.raises(EndingError):
        await waiting
    assert (cancelled.is_set(), ending.applied, ending.reason) == (True, True, "Stopped")


async def test_work_that_ends_first_counts() -> None:
    ending = Ending()

    async def work() -> int:
        return 7

    async def fail() -> int:
        raise NotFoundError("no")

    assert await ending.unless(work()) == 7
    with pytest.raises(NotFoundError):
        await ending.unless(fail())
    assert not ending.applied


async def test_the_first_reason_and_the_shortest_grace_stay() -> None:
    ending = Ending()
    ending.want("Stopped", "one", 30.0)
    ending.want("DeadlineExceeded", "two", 60.0)
    assert await ending.changed() == 30.0
    ending.want("DeadlineExceeded", "three", 5.0)
    assert await ending.changed(30.0) == 5.0
    ending.want("Stopped", "four", 9.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await ending.changed(5.0)
            pytest.fail("a longer grace period changes nothing")
    assert (ending.reason, ending.message) == ("Stopped", "one")


async def test_a_part_ends_alone_and_once_it_is_led_with_the_pod() -> None:
    pod = Ending()
    first, second = pod.part(), pod.part()
    first.want("", "", 30.0)
    assert (first.wanted, second.wanted, pod.wanted) == (True, False, False)
    pod.want("Stopped", "by request", 25.0)
    assert (first.grace_s, second.wanted) == (30.0, False)
    await asyncio.sleep(0.01)
    for part in (first, second):
        pod.lead(part)
    # What the pod has used up of its grace period, the part does not have.
    assert 5.0 < await first.changed(30.0) < 25.0
    assert 5.0 < await second.changed() < 25.0
    pod.want("Stopped", "again", 1.0)
    assert (await first.changed(2.0), await second.changed(2.0)) == (1.0, 1.0)


async def test_passing_faults_are_tried_again_ever_more_slowly() -> None:
    faults = [UnavailableError("1"), CapacityError("2"), *[UnavailableError("3")] * 8]
    delays: list[float] = []
    told: list[ArgoexecError] = []

    async def call() -> str:
        if len(delays) < len(faults):
            raise faults[len(delays)]
        return "done"

    async def sleep(delay: float) -> None:
        delays.append(delay)

    assert await until_it_works(call, told.append, sleep=sleep) == "done"
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert told == faults[:1]


async def test_other_faults_are_not() -> None:
    async def call() -> None:
        raise NotFoundError("gone")

    with pytest.raises(NotFoundError):
        await until_it_works(call, lambda _: None)
