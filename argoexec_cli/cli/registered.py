"""The registry's file, read again only when it has changed."""

from __future__ import annotations

from pathlib import Path

from argoexec_cli.controller.registry import Registry, read_registry_file


class RegistryFile:
    """Knows what the file says now; no file is an empty registry."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._registry = Registry()

    def read(self) -> Registry:
        """Return the registry as it is now. `InvalidError` has file and line."""
        try:
            found = self._path.stat()
        except OSError:
            return read_registry_file(self._path)
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._registry, self._seen = read_registry_file(self._path), seen
        return self._registry
