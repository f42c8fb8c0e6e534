"""What containerd cannot clear away itself: the directory of a start that it crashed in.

A task's directory, its bundle, is made first, and the shim's own `delete`, by which a containerd
that comes back undoes such a start, fails without the file `runtime` that comes last
(containerd#11071). From then on no container of that name can start until the machine boots.
"""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.runtime.leftovers import left_bundle

_log = logging.getLogger(__name__)

_OLD_S: Final = 5.0
"""Who has not changed it for so long is not at work on it; a predecessor's start, cut off with its
connection, ends in a fraction of that.
"""
_ADDRESS: Final = re.compile(r"unix://([^\"\s]+)")


class _Sight(NamedTuple):
    """A bundle as it was at some time, by the clock that never jumps."""

    state: tuple[int, int]
    since_s: float


class Bundles:
    """Those that were in the way of a start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """*clock* counts seconds."""
        self._clock = clock
        self._seen: dict[str, _Sight] = {}

    def clear_leftover(self, container: str, refusal: str) -> None:
        """Delete the bundle that *refusal*, containerd's answer to a start, says is in the way.

        To be called at every such answer: it goes when it has stayed the same for some seconds.
        What a shim answers for, what has a root and what containerd itself will undo stays.
        """
        bundle = left_bundle(refusal)
        if bundle is None or bundle.name != container:
            return
        try:
            if self._is_abandoned(bundle):
                _delete(bundle)
                del self._seen[container]
                _log.warning("cleared away what a crash of containerd left: %s", bundle)
        except OSError as exc:
            _log.warning("cannot clear away what a crash of containerd left: %s", exc)

    def _is_abandoned(self, bundle: Path) -> bool:
        now, stat = self._clock(), bundle.stat()
        sight = _Sight((stat.st_ino, stat.st_mtime_ns), now)
        before = self._seen.setdefault(bundle.name, sight)
        if before.state != sight.state:
            self._seen[bundle.name] = sight
            return False
        if now - before.since_s < _OLD_S or (bundle / "runtime").exists():
            return False
        return not any(_answers(where) for where in _addresses(bundle))


def _addresses(bundle: Path) -> list[str]:
    """Return where its shim listens: containerd 1 writes the one file, later ones the other."""
    files = (bundle / "address", bundle / "bootstrap.json")
    texts = [file.read_text(errors="replace") for file in files if file.exists()]
    return [found[1] for text in texts if (found := _ADDRESS.search(text))]


def _answers(path: str) -> bool:
    """Tell whether a shim listens there, or may: only a refusal says that none does."""
    with socket.socket(socket.AF_UNIX) as shim:
        shim.settimeout(1)
        try:
            shim.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _delete(bundle: Path) -> None:
    """Delete it without going down: no step can reach into a root that is mounted there."""
    root = bundle / "rootfs"
    if root.exists():
        root.rmdir()
    for entry in bundle.iterdir():
        entry.unlink()
    bundle.rmdir()
