"""Tells whether the kernel killed a process of a container for want of memory.

The control group counts such kills and stays until the task is deleted, so the answer outlives a
restart of ours or of containerd. That a child was killed counts, too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_KILLS: Final = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def was_killed(cgroup: str) -> bool | None:
    """Look at a control group, named as in the OCI specification.

    None when it is gone: systemd removes one that it made with the last process in it.
    """
    path = _path(cgroup)
    for file in (_ROOT / "memory" / path / "memory.oom_control", _ROOT / path / "memory.events"):
        try:
            found = _KILLS.search(file.read_text(encoding="ascii"))
        except OSError:
            continue
        return found is not None and int(found[1]) > 0
    return None


def _path(cgroup: str) -> str:
    """Return where below a hierarchy's root the group is: systemd names slices by their path."""
    slice_, _, rest = cgroup.partition(":")
    if not rest:
        return cgroup.strip("/")
    prefix, _, name = rest.partition(":")
    parts = slice_.removesuffix(".slice").split("-")
    slices = ["-".join(parts[: depth + 1]) + ".slice" for depth in range(len(parts))]
    return "/".join([*slices, f"{prefix}-{name}.scope"])
