"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from argoexec_cli.errors import InvalidError


def confirmed(question: str, refusal: str, *, hint: str = "say --yes, or see --dry-run") -> bool:
    """Ask on a terminal; elsewhere raise `InvalidError` that says *refusal* and *hint*.

    Ctrl-C raises `KeyboardInterrupt` at once.
    """
    if not sys.stdin.isatty():
        raise InvalidError(refusal, hint=hint)
    with _interruptible():
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C raise in the block: a loop's own handler only notes it, and the read goes on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
    finally:
        signal.signal(signal.SIGINT, before)
