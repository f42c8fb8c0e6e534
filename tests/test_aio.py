"""Background work has an owner, is heard of when it fails, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging

import pytest

from argoexec_cli.aio import Cleanups, Signal, Tasks, to_the_end


async def fail() -> None:
    """End with an error."""
    raise ValueError("broken")


async def forever() -> None:
    """Never end."""
    await asyncio.Event().wait()


async def test_an_error_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()
    task = tasks.spawn(fail(), name="the task")
    await asyncio.wait({task})
    assert "the task ended unexpectedly" in caplog.text
    assert "broken" in caplog.text
    await tasks.stop()


async def test_stop_ends_all_and_nothing_starts_after_it() -> None:
    tasks = Tasks()
    running = [tasks.spawn(forever(), name=str(number)) for number in range(3)]
    await tasks.stop()
    await tasks.stop()
    assert all(task.cancelled() for task in running)
    with pytest.raises(RuntimeError, match="late: the owner of this task has stopped"):
        tasks.spawn(forever(), name="late")
    with pytest.raises(RuntimeError, match="late"):
        await tasks.complete(forever(), name="late")


async def test_who_does_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    tasks = Tasks()
    task = tasks.spawn(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    await tasks.stop(limit_s=0.01)
    assert "stubborn did not end within 0.01 s after it was cancelled" in caplog.text
    release.set()
    await task


async def test_complete_gives_the_result_or_the_error(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()

    async def work() -> int:
        return 7

    assert await tasks.complete(work(), name="work") == 7
    with pytest.raises(ValueError, match="broken"):
        await tasks.complete(fail(), name="work")
    assert not caplog.records, "who waits hears of it; the log need not"
    await tasks.stop()


async def test_complete_goes_on_when_its_caller_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks, go, done = Tasks(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()
        raise ValueError("broken")

    caller = asyncio.ensure_future(tasks.complete(work(), name="work"))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert caller.cancelled()
    go.set()
    await done.wait()
    await asyncio.sleep(0)
    assert "work ended unexpectedly" in caplog.text
    await tasks.stop()


async def test_a_cleanup_finishes_although_its_caller_is_cancelled() -> None:
    cleanups, go, done = Cleanups(), asyncio.Event(), asyncio.Event()

    async def clean() -> None:
        await go.wait()
        done.set()

    caller = asyncio.ensure_future(cleanups.run(clean(), limit_s=5))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    go.set()
    await cleanups.join()
    assert done.is_set()


async def test_a_cleanup_has_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    cleanups = Cleanups()
    with pytest.raises(TimeoutError):
        await cleanups.run(forever(), limit_s=0.01)
    await cleanups.join()


async def test_a_signal_wakes_those_who_wait_and_not_those_who_come() -> None:
    signal = Signal()
    early = signal.next()
    signal.fire()
    assert await early()
    late = asyncio.ensure_future(signal.next()())
    await asyncio.sleep(0)
    assert not late.done()
    signal.fire()
    assert await late


async def test_what_is_done_to_the_end_is_over_when_the_first_error_comes() -> None:
    done: list[int] = []

    async def slow(number: int) -> int:
        await asyncio.sleep(0.01)
        done.append(number)
        return number

    async def refuse() -> int:
        raise ValueError("later")

    with pytest.raises(ValueError, match="broken"):
        await to_the_end(slow(1), fail(), refuse(), slow(2))
    assert done == [1, 2]
    assert await to_the_end(slow(3), slow(4)) == [3, 4]


async def test_cancelling_ends_all_that_is_done_to_the_end() -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await forever()
        finally:
            ended.set()

    work = asyncio.create_task(to_the_end(hang(), forever()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert ended.is_set()
