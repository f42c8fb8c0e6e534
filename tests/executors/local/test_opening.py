"""What is on the disk is for nobody else of the host, whoever made the directory."""

from __future__ import annotations

from pathlib import Path

from tests.executors.local.opening import Opener
from tests.executors.pods import request, run


def open_to_others(directory: Path) -> list[str]:
    """Return what another user of the host may read or write, for directories: enter."""
    assert {"executor.db", "executor.db-wal", "pods"} <= {one.name for one in directory.iterdir()}
    found, left = [], [directory]
    while left:
        for path in left.pop().iterdir():
            if path.stat().st_mode & (0o001 if path.is_dir() else 0o006):
                found.append(path.name)
                left += [path] if path.is_dir() else []
    return found


async def test_a_directory_that_is_open_to_others(opener: Opener, data_dir: Path) -> None:
    data_dir.mkdir(mode=0o755)  # noqa: ASYNC240 - nothing else runs yet
    executor = await opener.open()
    await run(executor, request())
    assert open_to_others(data_dir) == ["logs"]
