"""What a restart of the controller, in the middle of things, does to its runs: nothing."""

from __future__ import annotations

import asyncio

from argoexec_cli.errors import UnavailableError
from argoexec_cli.models.status import PodStatus
from argoexec_cli.models.workflows import RunQuery
from tests.controller.conftest import Open
from tests.controller.executor import MemoryExecutor
from tests.controller.runs import make_run, ref, until


async def test_a_running_run_is_taken_up_again(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        accepted = await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
    async with open_it() as controller:
        executor.finish("echo", result="hello")
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.metadata.uid == accepted.metadata.uid
    assert executor.run_calls == 1


async def test_what_ended_meanwhile_is_seen(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await until(controller, "echo", lambda run: bool(run.status.nodes))
        await executor.until(lambda: executor.records)
    executor.finish("echo", 7)
    async with open_it() as controller:
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.status.message == "main: Error (exit code 7)"


async def test_a_pod_that_was_deleted_meanwhile_does_not_run_again(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
    executor.forget("echo")
    async with open_it() as controller:
        run = await until(controller, "echo", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == ("Error", "pod deleted")
    assert executor.run_calls == 1


async def test_a_run_that_was_never_handed_over_is_handed_over(
    open_it: Open, executor: MemoryExecutor
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_it() as controller:
        await controller.submit(make_run())
    executor.fail_with = None
    async with open_it() as controller:
        await executor.until(lambda: executor.records)
        executor.finish("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Succeeded")


async def test_the_wish_to_stop_survives(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.break_watches(UnavailableError("nobody there"))
        await controller.stop_run(ref(), "enough")
    executor.fail_with = None
    async with open_it() as controller:
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.stopped
    assert run.status.message == "enough"


async def test_the_wish_to_delete_survives(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.hold_at_run = None
        executor.break_watches(UnavailableError("nobody there"))
        deleting = asyncio.create_task(controller.delete_run(ref()))
        await asyncio.gather(deleting, return_exceptions=True)
    executor.fail_with = None
    async with open_it():
        await executor.until(lambda: not executor.records)


async def test_five_hundred_runs_share_one_watch_and_survive_a_restart(
    open_it: Open, executor: MemoryExecutor
) -> None:
    count = 500
    async with open_it() as controller, asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(controller.submit(make_run(f"run-{number}")))
        await executor.until(lambda: len(executor.records) >= count // 2)
    async with open_it() as controller:
        await executor.until(lambda: len(executor.records) == count)
        for number in range(count):
            executor.set_status(f"run-{number}", PodStatus(phase="Running"))
            executor.finish(f"run-{number}", number % 2)
        names = {f"run-{number}" for number in range(count)}
        async with asyncio.timeout(100):
            async for update in controller.watch_runs(RunQuery()):
                if update.run and update.run.finished:
                    names.discard(update.run.metadata.name)
                if not names:
                    break
        failed = await controller.list_runs(RunQuery(phase="Failed"))
        assert len(failed.runs) == count // 2
    assert executor.watches <= 3
