"""What one machine has for itself: a number, and by it a link, a namespace, a directory, a group.

The kernel refuses a second link of the same name, so the name is the lock: test runs that go on at
the same time never share one, and each clears up after those that were killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines import kernel
from tests.engines.claim import identity, owner_lives

_BASE = Path("/tmp")
_PREFIX = "axl"


def claim() -> Path:
    """Make a link pair in a new namespace of its name, and a directory; return the directory."""
    with _claims():
        for directory in _BASE.glob(f"{_PREFIX}[0-9]*"):
            if not owner_lives(directory):
                _remove_traces(directory)
        directory = _BASE / _free_name()
        directory.mkdir(mode=0o700)
        (directory / "owner").write_text(identity(os.getpid()))
    return directory


def number(directory: Path) -> int:
    """Return the number of a claimed directory."""
    return int(directory.name.removeprefix(_PREFIX))


def remove(directory: Path) -> None:
    """Remove what was claimed: processes, mounts, groups, namespace, link, directory."""
    with _claims():
        _remove_traces(directory)


def _free_name() -> str:
    for count in range(250):
        name = f"{_PREFIX}{count}"
        peer = ["type", "veth", "peer", "name", "lan0", "netns", name]
        if (Path("/run/netns") / name).exists():
            continue
        subprocess.run(["ip", "netns", "add", name], check=True)
        made = subprocess.run(["ip", "link", "add", name, *peer], capture_output=True, check=False)
        if made.returncode == 0:
            return name
        subprocess.run(["ip", "netns", "delete", name], check=True)
    raise AssertionError("250 machines are there; remove what is left of earlier runs")


def _remove_traces(directory: Path) -> None:
    name = directory.name
    kernel.kill_naming(directory)
    kernel.kill_cgroups(name)
    kernel.unmount_below(directory)
    kernel.remove_cgroups(name)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    shutil.rmtree(directory, ignore_errors=True)
    kernel.remove_bridge(name)  # last: from here on the name is free


@contextmanager
def _claims() -> Iterator[None]:
    with (_BASE / f"{_PREFIX}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
