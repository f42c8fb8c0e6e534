"""Faults of our own files on the host, as our errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError, CapacityError, UnavailableError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Raise `CapacityError` or `UnavailableError` for what goes wrong with files at *path*."""
    try:
        yield
    except OSError as exc:
        raise _translate(exc, path) from exc


def _translate(exc: OSError, path: Path) -> ArgoexecError:
    problem = f"cannot write {path}: {exc.strerror or exc}"
    if exc.errno in _FULL:
        return CapacityError(problem, hint=f"free some space: df -h {path.parent}")
    return UnavailableError(problem, hint=f"check it: ls -ld {path.parent}")
