"""The controller's promises, against a real executor in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from argoexec_cli.controller.service import open_controller
from argoexec_cli.errors import (
    AlreadyExistsError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.status import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    PodStatus,
)
from argoexec_cli.models.workflows import RunQuery, RunRef, RunUpdate
from tests.controller.conftest import Open
from tests.controller.executor import MemoryExecutor
from tests.controller.runs import make_run, node_of, ref, until


async def test_a_run_succeeds_with_its_outputs(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        accepted = await controller.submit(make_run())
        assert (accepted.status.phase, node_of(accepted).executor) == ("Pending", "local")
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
        executor.finish("echo", result="hello")
        run = await until(controller, "echo", lambda run: run.finished)
    node = node_of(run)
    assert (run.status.phase, run.status.progress, node.phase) == ("Succeeded", "1/1", "Succeeded")
    assert (node.outputs.result, node.outputs.exit_code) == ("hello", "0")
    assert node.finished_at is not None
    assert run.status.finished_at == node.finished_at
    request = executor.requests["echo"]
    assert request.pod.spec.containers[0].command == ("echo", "hello")
    assert request.pod.metadata.labels["workflows.argoproj.io/workflow"] == "echo"


async def test_a_failed_task_fails_the_run_in_argos_words(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.finish("echo", 3)
        run = await until(controller, "echo", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == ("Failed", "main: Error (exit code 3)")
    assert node_of(run).outputs.exit_code == "3"


async def test_what_the_pod_waits_for_is_the_runs_message(
    open_it: Open, executor: MemoryExecutor
) -> None:
    waiting = ContainerState(waiting=ContainerStateWaiting("ErrImagePull", "no such image"))
    status = PodStatus(
        phase="Pending", container_statuses=(ContainerStatus(name="main", state=waiting),)
    )
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.set_status("echo", status)
        run = await until(controller, "echo", lambda run: bool(run.status.message))
    assert run.status.message == "ErrImagePull: no such image"


async def test_submitting_the_same_again_returns_the_run_that_is_there(open_it: Open) -> None:
    async with open_it() as controller:
        first = await controller.submit(make_run())
        again = await controller.submit(make_run())
        assert again.metadata.uid == first.metadata.uid
        with pytest.raises(AlreadyExistsError, match="default/echo exists already"):
            await controller.submit(make_run(message="other"))


async def test_cancelling_submit_does_not_take_the_run_back(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        submitting = asyncio.create_task(controller.submit(make_run()))
        await asyncio.sleep(0)
        submitting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await submitting
        await executor.until(lambda: executor.records)
        assert (await controller.get_run(ref())).metadata.name == "echo"


async def test_an_unknown_executor_is_refused_at_once(open_it: Open) -> None:
    async with open_it() as controller:
        with pytest.raises(NotFoundError, match="nowhere is not registered"):
            await controller.submit(make_run(executor="nowhere"))
        with pytest.raises(NotFoundError):
            await controller.get_run(ref())


async def test_without_a_default_it_is_the_cluster(
    tmp_path: Path, executor: MemoryExecutor
) -> None:
    asked = []

    def resolve(name: str) -> Executor:
        asked.append(name)
        return executor

    async with open_controller(tmp_path, resolve) as controller:
        run = await controller.submit(make_run())
        assert node_of(run).executor == "kubernetes"
    assert set(asked) == {"kubernetes"}


async def test_a_silent_executor_leaves_the_run_pending_until_it_answers(
    open_it: Open, executor: MemoryExecutor
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_it() as controller:
        await controller.submit(make_run())
        run = await until(controller, "echo", lambda run: bool(run.status.message))
        assert (run.status.phase, run.status.message) == (
            "Pending",
            "executor local: nobody there",
        )
        executor.fail_with = None
        run = await until(controller, "echo", lambda run: not run.status.message)
        executor.finish("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Succeeded")


async def test_what_the_executor_refuses_is_an_error_of_the_run(
    open_it: Open, executor: MemoryExecutor
) -> None:
    executor.fail_with = InvalidError("spec.containers[0].image: bad")
    async with open_it() as controller:
        await controller.submit(make_run())
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.status.phase == "Error"
    assert run.status.message == "executor local: spec.containers[0].image: bad"


async def test_stopping_ends_the_pod_and_says_so(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await controller.stop_run(ref())
        await controller.stop_run(ref())
        run = await until(controller, "echo", lambda run: run.finished)
        await controller.stop_run(ref())
        assert await controller.get_run(ref()) == run
    assert run.stopped
    assert run.status.message == "Stopped with strategy 'Stop'"
    assert node_of(run).message == "workflow shutdown with strategy: Stop"
    assert executor.stopped == ["echo"]


async def test_stopping_wins_over_a_start_that_is_under_way(
    open_it: Open, executor: MemoryExecutor
) -> None:
    executor.hold_at_run = asyncio.Event()
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.run_calls)
        await controller.stop_run(ref(), "not wanted")
        executor.hold_at_run.set()
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.stopped
    assert run.status.message == "not wanted"
    assert executor.stopped == ["echo"]


async def test_a_run_whose_pod_vanishes_is_an_error(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.forget("echo")
        run = await until(controller, "echo", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == ("Error", "pod deleted")


async def test_the_workflows_deadline_ends_the_run(open_it: Open, executor: MemoryExecutor) -> None:
    async with open_it() as controller:
        await controller.submit(make_run(activeDeadlineSeconds=2))
        await executor.until(lambda: executor.records)
        executor.start("echo")
        run = await until(controller, "echo", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == ("Failed", "Max duration limit exceeded")
    assert executor.requests["echo"].pod.spec.active_deadline_seconds == 2


async def test_deleting_ends_the_pod_and_forgets_the_run(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        await controller.delete_run(ref())
        assert not executor.records
        with pytest.raises(NotFoundError, match="default/echo not found"):
            await controller.get_run(ref())
        with pytest.raises(NotFoundError):
            await controller.delete_run(ref())
        assert (await controller.submit(make_run(message="new"))).status.phase == "Pending"


async def test_a_finished_run_is_deleted_with_its_pod(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.finish("echo")
        await until(controller, "echo", lambda run: run.finished)
        await controller.delete_run(ref())
    assert not executor.records


async def test_deleting_goes_on_after_the_executor_answers_again(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.break_watches(UnavailableError("nobody there"))
        with pytest.raises(UnavailableError, match="as soon as its executor answers"):
            await controller.delete_run(ref())
        executor.fail_with = None
        await executor.until(lambda: not executor.records)
        with suppress(NotFoundError):
            await controller.delete_run(ref())
        with pytest.raises(NotFoundError):
            await controller.get_run(ref())


async def test_another_uid_is_another_run(open_it: Open) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        with pytest.raises(NotFoundError):
            await controller.get_run(RunRef(name="echo", uid="another"))


async def test_a_watch_resumes_and_tells_of_deletions(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run("one"))
        await controller.submit(make_run("two"))
        first = await _until_synced(controller.watch_runs(RunQuery()))
        assert {(u.type, u.run and u.run.metadata.name) for u in first[:-1]} == {
            ("ADDED", "one"),
            ("ADDED", "two"),
        }
        await controller.delete_run(ref("one"))
        resumed = await _until_synced(controller.watch_runs(RunQuery(), first[-1].token))
        assert ("DELETED", "one") in [(u.type, u.run and u.run.metadata.name) for u in resumed]
        fresh = await _until_synced(controller.watch_runs(RunQuery(), "other.7"))
        assert {u.run.metadata.name for u in fresh if u.run} == {"two"}
        named = await _until_synced(controller.watch_runs(RunQuery(name="one")))
        assert [u.type for u in named] == ["SYNCED"]


async def _until_synced(watch: AsyncGenerator[RunUpdate, None]) -> list[RunUpdate]:
    updates: list[RunUpdate] = []
    async with asyncio.timeout(30), aclosing(watch):
        async for update in watch:
            updates.append(update)
            if update.type == "SYNCED":
                return updates
    return updates


async def test_lists_are_paged_and_filtered(open_it: Open) -> None:
    async with open_it() as controller:
        for name in ("a", "b", "c"):
            await controller.submit(make_run(name))
        page = await controller.list_runs(RunQuery(limit=2))
        assert [run.metadata.name for run in page.runs] == ["a", "b"]
        rest = await controller.list_runs(RunQuery(limit=2, page_token=page.next_page_token))
        assert [run.metadata.name for run in rest.runs] == ["c"]
        assert rest.next_page_token == ""
        assert len((await controller.list_runs(RunQuery(name="b"))).runs) == 1
        assert not (await controller.list_runs(RunQuery(selector="x=y"))).runs
        assert not (await controller.list_runs(RunQuery(phase="Failed"))).runs
        with pytest.raises(InvalidError, match="page token"):
            await controller.list_runs(RunQuery(page_token="x"))


async def test_an_init_container_that_fails_is_an_error(
    open_it: Open, executor: MemoryExecutor
) -> None:
    ended = ContainerState(terminated=ContainerStateTerminated(exit_code=2, reason="Error"))
    status = PodStatus(
        phase="Failed", init_container_statuses=(ContainerStatus(name="prepare", state=ended),)
    )
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.set_status("echo", status)
        run = await until(controller, "echo", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == ("Error", "prepare: Error (exit code 2)")
