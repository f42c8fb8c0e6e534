"""Tokens that a client gives back unchanged: of pages and of watches."""

from __future__ import annotations

from argoexec_cli.errors import InvalidError

_MAX_DIGITS = 18


def page_start(token: str) -> int:
    """Return the position after which the page starts. `InvalidError` for what is no token."""
    if not token:
        return 0
    if not _is_number(token):
        raise InvalidError(
            f"{token[:40]!r} is not a page token", hint="use the token of the page before"
        )
    return int(token)


def watch_token(store_id: str, revision: int) -> str:
    """Return the token that resumes a watch after *revision* of the store *store_id*."""
    return f"{store_id}.{revision}"


def watch_start(store_id: str, token: str) -> int:
    """Return the revision that *token* stands for; 0 (everything) for another store's token."""
    origin, _, revision = token.partition(".")
    return int(revision) if origin == store_id and _is_number(revision) else 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
