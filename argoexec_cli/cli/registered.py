"""What is registered: in the file, read again only when it has changed, or in a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from argoexec_cli.controller.registry import (
    CONFIG_MAP,
    Registration,
    Registry,
    read_registry,
    read_registry_file,
)

if TYPE_CHECKING:
    from argoexec_cli.cli.session import Session


class Registered(Protocol):
    """Knows what is registered, wherever that is written."""

    def read(self) -> Registry:
        """Return the registry as it is now. `InvalidError` for one that cannot be understood."""
        ...


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


def registration_of(session: Session, known: Registration | None, endpoint: str) -> Registration:
    """Return what is known of an executor with what was given on top; paths are kept in full."""
    from argoexec_cli.models.connection import Tls

    before = known or Registration("")
    old, given = before.tls or Tls(), session.options
    files = {
        "ca": given.tls_ca or old.ca,
        "cert": given.tls_cert or old.cert,
        "key": given.tls_key or old.key,
    }
    paths = {field: str(Path(path).absolute()) for field, path in files.items() if path}
    tls = Tls(**paths, server_name=old.server_name) if paths else before.tls
    return Registration(endpoint or before.endpoint, tls)


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
