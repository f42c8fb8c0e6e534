"""The controller on the real local executor, with the fake runtime below it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from argoexec_cli.controller.service import Controller, open_controller
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunQuery
from argoexec_cli.runtime.fake import FakeEngine
from tests.controller.runs import make_run, node_of, ref, until
from tests.executors.local.opening import Opener


@asynccontextmanager
async def controlled(data_dir: Path) -> AsyncIterator[Controller]:
    """Open a local executor and the controller above it."""
    engine = FakeEngine()
    opener = Opener(engine, data_dir / "pods")
    try:
        executor: Executor = await opener.open()
        async with open_controller(data_dir, lambda name: executor, lambda: "local") as controller:
            yield controller
    finally:
        await opener.close()
        await engine.close()


def shell(name: str, script: str) -> WorkflowRun:
    """Return a run of one script for the fake runtime's shell."""
    container = {"image": "busybox", "command": ["sh", "-c", script]}
    return make_run(name, templates=[{"name": "say", "container": container}])


@pytest.mark.parametrize(
    ("script", "phase", "message", "result", "code"),
    [
        ("echo hello", "Succeeded", "", "hello", "0"),
        ("echo out; exit 3", "Failed", "main: Error (exit code 3)", "out", "3"),
        ("hog", "Failed", "main: OOMKilled (exit code 137)", "", "137"),
    ],
)
async def test_what_a_task_does_is_the_runs_status(
    tmp_path: Path, script: str, phase: str, message: str, result: str, code: str
) -> None:
    async with controlled(tmp_path) as controller:
        await controller.submit(shell("task", script))
        run = await until(controller, "task", lambda run: run.finished)
    assert (run.status.phase, run.status.message) == (phase, message)
    assert (node_of(run).outputs.result, node_of(run).outputs.exit_code) == (result, code)


async def test_an_image_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        container = {"image": "missing/image", "command": ["true"]}
        await controller.submit(make_run(templates=[{"name": "say", "container": container}]))
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.status.phase == "Error"
    assert "missing/image" in run.status.message


async def test_stopping_and_deleting_reach_the_container(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        await controller.submit(shell("sleeper", "sleep 600"))
        await until(controller, "sleeper", lambda run: run.status.phase == "Running")
        await controller.stop_run(ref("sleeper"))
        assert (await until(controller, "sleeper", lambda run: run.finished)).stopped
        await controller.delete_run(ref("sleeper"))
        assert not (await controller.list_runs(RunQuery())).runs


async def test_a_script_template_is_accepted_with_its_file(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        script = {"image": "busybox", "command": ["echo"], "source": "exit 0"}
        await controller.submit(make_run(templates=[{"name": "say", "script": script}]))
        run = await until(controller, "echo", lambda run: run.finished)
    # The stand-in for a shell prints its argument: where the source is.
    assert node_of(run).outputs.result == "/argo/staging/script"


async def test_a_hundred_runs_at_once_end_each_once(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(controller.submit(shell(f"run-{number}", f"echo {number}")))
        for number in range(100):
            run = await until(controller, f"run-{number}", lambda run: run.finished)
            assert node_of(run).outputs.result == str(number)
