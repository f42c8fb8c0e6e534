"""A local executor on the fake runtime, for what hands Argo's tasks over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from argoexec_cli.executors.local.admission import Room
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Give the engine that outlives executors."""
    engine = FakeEngine()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def opener(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Opener]:
    """Give what opens executors, one at a time."""
    opener = Opener(engine, tmp_path / "executor")
    opener.set(room=Room(1_000_000, 1 << 40, 1000))
    yield opener
    await opener.close()


@pytest_asyncio.fixture
async def executor(opener: Opener) -> LocalExecutor:
    """Give an executor."""
    return await opener.open()
