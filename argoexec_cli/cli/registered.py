"""The registry file as the daemon and the completion see it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from argoexec_cli.config.settings import Settings


class Registered(NamedTuple):
    """A name in the registry and the address behind it."""

    name: str
    endpoint: str


class Registry:
    """Reads the registry's file again whenever it has changed; no file is an empty registry."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path

    def default(self) -> str:
        """Return the default executor's name, or ""."""
        return ""

    def endpoint(self, name: str) -> str | None:
        """Return the address of the executor called *name*, or None."""
        return None


def registered_executors(settings: Settings) -> list[Registered]:
    """Return the executors of the registry's file, in its order."""
    return []
