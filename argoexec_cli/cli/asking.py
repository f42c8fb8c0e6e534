"""Questions to whoever sits at the terminal."""

from __future__ import annotations

import sys

from argoexec_cli.errors import InvalidError


def confirmed(question: str, refusal: str) -> bool:
    """Ask on a terminal; elsewhere raise `InvalidError` that says *refusal*."""
    if not sys.stdin.isatty():
        raise InvalidError(refusal, hint="say --yes, or see --dry-run")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
