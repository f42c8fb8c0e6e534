"""What containerd cannot clear away itself: the directory of a start that it crashed in.

A task's directory, its bundle, is made first, and the shim's own `delete`, by which a containerd
that comes back undoes such a start, fails without the file `runtime` that comes last
(containerd#11071). From then on no container of that name can start until the machine boots.
"""

from __future__ import annotations

import re
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_TAKEN: Final = re.compile(
    r"mkdir (/\S+/io\.containerd\.runtime\.v2\.task/[^/\s]+/[^/\s:]+): file exists"
)
_OLD_S: Final = 3.0
"""So long after its last change nobody is at work on it: a start takes a tenth of that."""


def clear_leftover(container: str, refusal: str) -> None:
    """Delete the bundle that *refusal*, containerd's answer to a start, says is in the way.

    Repeatable. What a shim answers for, what has a root mounted, what is young and what containerd
    itself will undo stays.
    """
    found = _TAKEN.search(refusal)
    if found is None:
        return
    bundle = Path(found[1])
    with suppress(OSError):
        if bundle.name == container and _is_abandoned(bundle):
            root = bundle / "rootfs"
            if root.exists():
                root.rmdir()  # fails when something is mounted there
            shutil.rmtree(bundle)


def _is_abandoned(bundle: Path) -> bool:
    if (bundle / "runtime").exists() or time.time() - bundle.stat().st_mtime < _OLD_S:
        return False
    address = bundle / "address"
    return not (address.exists() and _answers(address.read_text()))


def _answers(address: str) -> bool:
    """Tell whether a shim listens at `unix://PATH`."""
    with socket.socket(socket.AF_UNIX) as shim:
        shim.settimeout(1)
        try:
            shim.connect(address.strip().removeprefix("unix://"))
        except OSError:
            return False
    return True
