"""aiohttp and aiodocker, without what they do as they are imported and nobody needs.

aiohttp reads the system's certificates, which takes as long as all its code, and an engine on this
machine is reached by a socket: they are read when a connection needs them. aiodocker looks for its
own version, and for that loads a reader of packages and of mail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from ssl import SSLContext, SSLObject, SSLSocket
from types import ModuleType
from typing import Any, Final


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


_METADATA: Final = "importlib.metadata"


class _NoVersions(ModuleType):
    """Knows no version of anything; for all else it is `importlib.metadata`."""

    PackageNotFoundError = ModuleNotFoundError

    def version(self, name: str) -> str:
        raise ModuleNotFoundError(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop(_METADATA, None)
        return getattr(import_module(_METADATA), name)


@contextmanager
def versions_unknown() -> Iterator[None]:
    """Have libraries that are imported meanwhile not find out what version they are."""
    if _METADATA in sys.modules:
        yield
        return
    stand_in = sys.modules[_METADATA] = _NoVersions(_METADATA)
    try:
        yield
    finally:
        if sys.modules.get(_METADATA) is stand_in:
            del sys.modules[_METADATA]


with certificates_postponed(), versions_unknown():
    import aiodocker
    import aiohttp

__all__ = ["aiodocker", "aiohttp", "certificates_postponed", "versions_unknown"]
