"""What is registered: in the file, read again only when it has changed, or in a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from argoexec_cli.controller.registry import (
    CONFIG_MAP,
    Registry,
    read_registry,
    read_registry_file,
)

if TYPE_CHECKING:
    from argoexec_cli.cli.session import Session


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


def read_data(data: dict[str, str]) -> Registry:
    """Return what the *data* of a ConfigMap in a cluster says."""
    manifest = {"kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": data}
    return read_registry(json.dumps(manifest), CONFIG_MAP)


def show_registry(session: Session, registry: Registry, place: object) -> None:
    """Write what is registered in *place* as a table."""
    from argoexec_cli.cli.output import write
    from argoexec_cli.cli.table import render_table

    if not registry.executors:
        session.say(f"no executor is registered in {place}")
        return
    rows = [
        [name, each.endpoint, "yes" if name == registry.default else ""]
        for name, each in registry.executors.items()
    ]
    write(render_table(rows, header=["NAME", "ENDPOINT", "DEFAULT"], color=session.color))
