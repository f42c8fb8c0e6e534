"""A local executor on the fake runtime: quick to open, to close and to open again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener
from tests.executors.local.small_disk import SmallDisk


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Give an engine that outlives the executors of the test."""
    engine = FakeEngine()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def opener(engine: FakeEngine, tmp_path: Path) -> AsyncIterator[Opener]:
    """Give what opens executors on one data directory, and closes the last of them."""
    opener = Opener(engine, tmp_path / "data")
    yield opener
    await opener.close()


@pytest_asyncio.fixture
async def executor(opener: Opener) -> LocalExecutor:
    """Give an open executor."""
    return await opener.open()


@pytest.fixture
def data_dir(opener: Opener) -> Path:
    """Give the directory of the executor's state."""
    return opener.settings.data_dir


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Give a file system that is full after a few writes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    with SmallDisk(tmp_path / "disk") as disk:
        yield disk
