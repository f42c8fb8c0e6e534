"""Finished runs are kept for a while, and only so many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from argoexec_cli.controller.hub import Hub
from argoexec_cli.controller.retiring import Retention, retire
from argoexec_cli.controller.service import open_controller
from argoexec_cli.controller.store import RunStore
from argoexec_cli.models.workflows import RunQuery
from tests.controller.conftest import Open
from tests.controller.executor import MemoryExecutor
from tests.controller.runs import make_run, until

OLD, NEW, BUSY = "old", "new", "busy"


@pytest.fixture
async def three(open_it: Open, executor: MemoryExecutor) -> None:
    """Have three runs in the store: two that are finished, and one that is not."""
    async with open_it() as controller:
        for name in (OLD, NEW, BUSY):
            await controller.submit(make_run(name))
        await executor.until(lambda: len(executor.records) == 3)
        for name in (OLD, NEW):
            executor.finish(name)
            await until(controller, name, lambda run: run.finished)


@pytest.fixture
async def store(three: None, tmp_path: Path) -> AsyncIterator[RunStore]:
    """Give the store of `three`."""
    store = RunStore(tmp_path / "workflows.db")
    await store.load()
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        (Retention(), [OLD, NEW, BUSY]),
        (Retention(age_s=0.0), [BUSY]),
        (Retention(runs=1), [NEW, BUSY]),
        (Retention(runs=0), [BUSY]),
    ],
)
async def test_only_what_is_finished_goes(
    store: RunStore, retention: Retention, kept: list[str]
) -> None:
    assert await retire(store, Hub(), retention) == 3 - len(kept)
    assert [run.metadata.name for run in (await store.page(RunQuery())).runs] == kept
    assert await retire(store, Hub(), retention) == 0


async def test_watchers_are_told(three: None, executor: MemoryExecutor, tmp_path: Path) -> None:
    retention = Retention(runs=1)
    opened = open_controller(tmp_path, lambda _: executor, lambda: "local", retention)
    async with opened as controller, aclosing(controller.watch_runs(RunQuery())) as updates:
        kept = set[str]()
        synced = False
        async for update in updates:
            synced = synced or update.type == "SYNCED"
            if update.run is not None:
                change = kept.discard if update.type == "DELETED" else kept.add
                change(update.run.metadata.name)
            if synced and kept == {NEW, BUSY}:
                break
