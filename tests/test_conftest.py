"""The suite's own guards work: a guard that never fails guards nothing."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import hypothesis
import pytest

LEAK = """
import asyncio, pytest

pytest_plugins = ["tests.conftest"]

async def test_leaves_a_task():
    test_leaves_a_task.task = asyncio.create_task(asyncio.sleep(600), name="forgotten")

async def test_leaves_none():
    await asyncio.create_task(asyncio.sleep(0))
"""


@pytest.fixture
def suite(short_tmp: Path) -> Path:
    """A suite of two tests under the guards of ours, the first of which leaks a task."""
    (short_tmp / "test_leak.py").write_text(LEAK)
    return short_tmp


async def test_a_leaked_task_fails_the_test_that_left_it(suite: Path) -> None:
    root = Path(__file__).parents[1]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
        *("-c", root / "pyproject.toml", "--rootdir", suite, suite),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    assert b"leaked tasks: ['forgotten']" in output
    assert b"2 passed, 1 error" in output


def test_short_tmp_holds_a_unix_socket_with_a_long_name(short_tmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_tmp / ("s" * 80)))


def test_no_generated_example_is_timed() -> None:
    assert hypothesis.settings().deadline is None
