"""A file system that is full after a few writes, until it is made larger."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self


class SmallDisk:
    """A tmpfs of 256 KiB at `path` while the block runs. Only root can make one."""

    def __init__(self, path: Path) -> None:
        """Mount it at *path*, which is made."""
        self.path = path

    def __enter__(self) -> Self:
        """Mount it."""
        self.path.mkdir()
        options = ["-t", "tmpfs", "-o", "size=256k"]
        subprocess.run(["mount", *options, "none", str(self.path)], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.path)], check=True)

    def grow(self) -> None:
        """Make room: 8 MiB."""
        subprocess.run(["mount", "-o", "remount,size=8m", str(self.path)], check=True)
