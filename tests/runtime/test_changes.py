"""A change of a file is told once, to everybody who waits for it. The kernel is the real one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.runtime.changes import FileChanges

_KEPT = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


@pytest_asyncio.fixture
async def changes() -> AsyncIterator[FileChanges]:
    """Give what tells of changes, running."""
    with FileChanges() as changes:
        running = asyncio.create_task(changes.run())
        yield changes
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _write(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


@pytest.mark.parametrize("change", [_write, Path.unlink, lambda path: path.open("a").close()])
async def test_a_change_is_told_to_all_who_wait(
    change: Callable[[Path], None], changes: FileChanges, tmp_path: Path
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.touch()
    other.touch()
    told, waiting = changes.next(path), changes.next(other)
    assert changes.next(path) is told
    await asyncio.sleep(0)
    change(path)
    async with asyncio.timeout(30):
        await told
    assert not waiting.done()


async def test_each_change_has_to_be_asked_for(changes: FileChanges, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    for _ in range(50):
        told = changes.next(path)
        _write(path)
        async with asyncio.timeout(30):
            await told


async def test_a_file_that_is_not_there_is_looked_for_again(
    changes: FileChanges, tmp_path: Path
) -> None:
    async with asyncio.timeout(30):
        await changes.next(tmp_path / "nowhere")


@pytest.mark.skipif(_KEPT > 20_000, reason="the kernel keeps too many to make them here")
async def test_changes_that_the_kernel_did_not_keep_are_told_too(
    changes: FileChanges, tmp_path: Path
) -> None:
    waiting = []
    for number in range(_KEPT // 2 + 1):  # each tells of the change, and of its end
        path = tmp_path / str(number)
        path.touch()
        waiting.append(changes.next(path))
        path.unlink()
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting)


def test_it_runs_no_program_when_it_is_imported() -> None:
    code = (
        "import subprocess, sys\n"
        "sys.addaudithook(lambda event, _: print(event) if 'Popen' in event else None)\n"
        "import argoexec_cli.runtime.changes\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
