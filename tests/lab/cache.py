"""What is made once and kept: in ~/.cache/argoexec-tests, named by the recipe of its making."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_KEY_LENGTH = 12


def cached(name: str, recipe: object, make: Callable[[Path], None]) -> Path:
    """Return the directory that *make* filled for this *recipe*; made at the first call.

    Other processes that want the same wait for it. What older recipes of the name left goes away,
    and so does half of a directory whose making was interrupted.
    """
    base = _base()
    base.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(repr(recipe).encode()).hexdigest()[:_KEY_LENGTH]
    done = base / f"{name}-{key}"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_dir():
            return done
        for old in base.glob(f"{name}-*"):
            shutil.rmtree(old)
        partial = base / f"{name}-partial"
        partial.mkdir()
        make(partial)
        partial.rename(done)
    return done


def _base() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "argoexec-tests"
