"""What one private engine has for itself: a bridge, and a directory of the bridge's name.

Engines of every kind share the names, so they run side by side, and any test run clears up after
one that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface
from pathlib import Path

from tests.engines import kernel

_BASE = Path("/tmp")


def claim() -> tuple[Path, IPv4Interface]:
    """Make bridge and directory; return the directory and the bridge's address."""
    sweep()
    with _claims():
        bridge, address = kernel.claim_bridge()
        directory = _BASE / bridge
        directory.mkdir(mode=0o700)
        (directory / "owner").write_text(identity(os.getpid()))
    return directory, address


def remove(directory: Path) -> None:
    """Remove what was claimed with everything that an engine made: processes, mounts, groups."""
    with _claims():
        _remove_traces(directory)


def sweep() -> None:
    """Remove engines whose test process ended without doing so, as one that was killed does."""
    with _claims():
        for directory in _BASE.glob("axe[0-9]*"):
            if directory.name.removeprefix("axe").isdigit() and not owner_lives(directory):
                _remove_traces(directory)


def _remove_traces(directory: Path) -> None:
    kernel.kill_naming(directory)
    kernel.kill_cgroups(directory.name)
    kernel.unmount_below(directory)
    kernel.remove_cgroups(directory.name)
    shutil.rmtree(directory, ignore_errors=True)
    kernel.remove_port_rules(directory.name)
    kernel.remove_bridge(directory.name)  # last: from here on the name is free for another engine


@contextmanager
def _claims() -> Iterator[None]:
    """Let one process at a time claim a name or remove an engine: half of either looks dead."""
    with (_BASE / "axe.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def owner_lives(directory: Path) -> bool:
    """Tell whether the process that made *directory* and wrote its `identity` there still runs."""
    try:
        owner = (directory / "owner").read_text()
        return owner == identity(int(owner.split()[0]))
    except (OSError, ValueError, IndexError):
        return False


def identity(pid: int) -> str:
    """Return the pid with its start time, which together are never used twice."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid} {after_name[19]}"
