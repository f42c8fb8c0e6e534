"""aiohttp and aiodocker, without the system's certificates until a connection needs them.

aiohttp reads them as it is imported, which takes as long as all its code; an engine on this machine
is reached by a socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext, SSLObject, SSLSocket
from typing import Any


class _Late(SSLContext):
    """What a context is until it has read the certificates."""

    def wrap_bio(self, *given: Any, **named: Any) -> SSLObject:
        return _read(self).wrap_bio(*given, **named)

    def wrap_socket(self, *given: Any, **named: Any) -> SSLSocket:
        return _read(self).wrap_socket(*given, **named)


def _read(context: SSLContext) -> SSLContext:
    context.__class__ = SSLContext
    context.set_default_verify_paths()
    return context


def _postpone(context: SSLContext) -> None:
    context.__class__ = _Late


@contextmanager
def certificates_postponed() -> Iterator[None]:
    """Have contexts that are made meanwhile read the certificates at their first connection."""
    SSLContext.set_default_verify_paths = _postpone  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del SSLContext.set_default_verify_paths  # from here on it is the base's again


with certificates_postponed():
    import aiodocker
    import aiohttp

__all__ = ["aiodocker", "aiohttp", "certificates_postponed"]
