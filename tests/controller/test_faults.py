"""Bad days: a full disk, an executor that is no longer registered, a bug, a state of old."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.controller import store
from argoexec_cli.controller.service import open_controller
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.models.base import FieldError, encode_json
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.record import PodRecord, PodRef, PodRequest
from argoexec_cli.models.workflow import Template, WorkflowRunSpec, WorkflowSpec
from argoexec_cli.models.workflows import RunQuery
from tests.controller.conftest import Open
from tests.controller.executor import MemoryExecutor
from tests.controller.runs import LIMIT_S, make_run, node_of, ref, until


async def test_a_full_disk_refuses_runs_and_loses_none(
    open_it: Open, executor: MemoryExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run("zero"))
        await controller.submit(make_run("one"))
        await executor.until(lambda: len(executor.records) == 2)
        executor.start("one")
        await until(controller, "one", lambda run: run.status.phase == "Running")
        with monkeypatch.context() as full:
            full.setattr(store.RunStore, "write", _no_room)
            with pytest.raises(CapacityError, match="disk is full"):
                await controller.submit(make_run("two"))
            executor.finish("one", result="kept")
            with pytest.raises(CapacityError, match="disk is full"):
                await controller.stop_run(ref("zero"))
        run = await until(controller, "one", lambda run: run.finished)
        assert (run.status.phase, node_of(run).outputs.result) == ("Succeeded", "kept")
        assert (await until(controller, "zero", lambda run: run.finished)).stopped
        with pytest.raises(NotFoundError):
            await controller.get_run(ref("two"))


async def _no_room(*args: object) -> None:
    raise CapacityError("the disk is full")


async def test_an_executor_that_is_no_longer_registered_is_an_error_of_the_run(
    tmp_path: Path, executor: MemoryExecutor
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_controller(tmp_path, lambda name: executor, lambda: "mine") as controller:
        await controller.submit(make_run())
    async with open_controller(tmp_path, _unknown) as controller:
        run = await until(controller, "echo", lambda run: run.finished)
        assert (run.status.phase, run.status.message) == ("Error", "executor mine: not registered")
        await controller.delete_run(ref())
        assert not (await controller.list_runs(RunQuery())).runs


def _unknown(name: str) -> Executor:
    raise NotFoundError("not registered")


async def test_a_registry_that_cannot_be_read_ends_no_run(
    tmp_path: Path, executor: MemoryExecutor
) -> None:
    broken = [InvalidError("registry.yaml:3: not YAML")]

    def resolve(name: str) -> Executor:
        if broken:
            raise broken[0]
        return executor

    async with open_controller(tmp_path, lambda name: executor, lambda: "mine") as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
    async with open_controller(tmp_path, resolve, lambda: "mine") as controller:
        with pytest.raises(InvalidError, match=r"registry\.yaml:3"):
            await controller.submit(make_run("other"))
        broken.clear()
        executor.finish("echo")
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.status.phase == "Succeeded"


@pytest.mark.parametrize("error", [UnauthenticatedError("expired"), DeniedError("no role")])
async def test_a_certificate_that_has_expired_ends_no_run(
    open_it: Open,
    executor: MemoryExecutor,
    error: ArgoexecError,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_it() as controller:
        await controller.submit(make_run())
        await executor.until(lambda: executor.records)
        executor.start("echo")
        await until(controller, "echo", lambda run: run.status.phase == "Running")
    again, refused = asyncio.Event(), list[PodRef]()

    async def refuse(ref: PodRef) -> PodRecord:
        if refused:
            again.set()
        refused.append(ref)
        raise error

    with monkeypatch.context() as expired:
        expired.setattr(executor, "get_pod", refuse)
        async with open_it() as controller, asyncio.timeout(LIMIT_S):
            await again.wait()
            assert not (await controller.get_run(ref())).finished
    async with open_it() as controller:
        executor.finish("echo")
        run = await until(controller, "echo", lambda run: run.finished)
    assert run.status.phase == "Succeeded"


async def test_a_run_that_no_executor_has_seen_is_stopped_at_once(tmp_path: Path) -> None:
    async with open_controller(tmp_path, _unreachable, lambda: "mine") as controller:
        await controller.submit(make_run())
        await until(controller, "echo", lambda run: bool(run.status.message))
        await controller.stop_run(ref())
        run = await until(controller, "echo", lambda run: run.finished)
        assert run.stopped


def _unreachable(name: str) -> Executor:
    raise UnavailableError("cannot connect")


async def test_a_bug_in_an_executor_stops_one_run_and_not_the_others(
    open_it: Open, executor: MemoryExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    original = executor.run_pod
    bugs = [ValueError("a bug")]

    async def buggy(request: PodRequest) -> PodRecord:
        if bugs:
            raise bugs.pop()
        return await original(request)

    executor.run_pod = buggy  # type: ignore[method-assign] # the fault
    with caplog.at_level(logging.CRITICAL, "argoexec_cli.controller.lane"):
        async with open_it() as controller:
            await controller.submit(make_run("one"))
            await controller.submit(make_run("two"))
            await executor.until(lambda: len(executor.records) == 2)


async def test_a_deadline_beyond_the_end_of_time_stops_no_other_run(
    open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller, asyncio.timeout(LIMIT_S):
        with pytest.raises(FieldError, match=r"activeDeadlineSeconds: must be at most"):
            await controller.submit(make_run("far", activeDeadlineSeconds=10**15))
        await controller.submit(make_run("near", activeDeadlineSeconds=2**31 - 1))
        await executor.until(lambda: len(executor.records) == 1)


async def test_a_watch_of_one_run_reads_no_other(
    tmp_path: Path, open_it: Open, executor: MemoryExecutor
) -> None:
    async with open_it() as controller:
        for name in ("one", "other"):
            await controller.submit(make_run(name))
        await executor.until(lambda: len(executor.records) == 2)
        executor.finish("other")
        await until(controller, "other", lambda run: run.finished)
        with sqlite3.connect(tmp_path / "workflows.db") as db:
            db.execute("UPDATE runs SET run = '' WHERE name = 'other'")
        db.close()
        await until(controller, "one", lambda run: run.status.phase == "Pending")


async def test_a_stored_run_that_can_no_longer_be_planned_ends_as_an_error(
    tmp_path: Path, open_it: Open, executor: MemoryExecutor
) -> None:
    executor.fail_with = UnavailableError("nobody there")
    async with open_it() as controller:
        accepted = await controller.submit(make_run())
    broken = msgspec.structs.replace(
        accepted,
        spec=WorkflowRunSpec(workflow_spec=WorkflowSpec((Template("say"),), "say")),
    )
    with sqlite3.connect(tmp_path / "workflows.db") as db:
        db.execute("UPDATE runs SET run = ?", (encode_json(broken),))
    db.close()
    async with open_it() as controller:
        run = await controller.get_run(ref())
    assert run.status.phase == "Error"
    assert "a template needs one of: container, script" in run.status.message


async def test_old_tombstones_go_and_old_tokens_replay_everything(
    open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_KEPT_TOMBSTONES", 4)
    async with open_it() as controller:
        await controller.submit(make_run("kept"))
        async for update in controller.watch_runs(RunQuery()):
            if update.type == "SYNCED":
                token = update.token
                break
        for number in range(6):
            await controller.submit(make_run(f"run-{number}"))
            await controller.delete_run(ref(f"run-{number}"))
        seen = []
        async with asyncio.timeout(30):
            async for update in controller.watch_runs(RunQuery(), token):
                if update.type == "SYNCED":
                    break
                seen.append((update.type, update.run and update.run.metadata.name))
    assert seen == [("ADDED", "kept")]
