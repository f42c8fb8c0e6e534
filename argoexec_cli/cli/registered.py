"""What is registered: in the file, read again only when it has changed, or in a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from argoexec_cli.controller.registry import (
    BUILT_IN,
    CONFIG_MAP,
    Registration,
    Registry,
    check_name,
    read_registry,
    read_registry_file,
)
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import encode

if TYPE_CHECKING:
    from argoexec_cli.cli.output import Data
    from argoexec_cli.cli.routing import Registration as Wanted
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


def registration_of(
    session: Session, registry: Registry, wanted: Wanted, example: str
) -> Registration | None:
    """Return what is known of an executor with what was given on top; given paths in full.

    None where only the default is to change, to one that is built in. `InvalidError` for a new name
    without an endpoint; *example* is the endpoint in its hint.
    """
    name, given = wanted.name, session.options
    files = {"ca": given.tls_ca, "cert": given.tls_cert, "key": given.tls_key}
    paths = {field: str(Path(path).absolute()) for field, path in files.items() if path}
    if name in BUILT_IN and wanted.default and not (wanted.endpoint or paths):
        return None
    before = registry.executors.get(name) or Registration("")
    endpoint = wanted.endpoint or before.endpoint
    if not endpoint:
        check_name(name)
        hint = f"argoexec register {name} {example}"
        raise InvalidError(f"{name} is new: --endpoint is needed", hint=hint)
    if not paths:
        return Registration(endpoint, before.tls)
    from argoexec_cli.models.connection import Tls

    return Registration(endpoint, structs.replace(before.tls or Tls(), **paths))


def show_registry(
    session: Session, registry: Registry, place: object, output: Data | None = None
) -> None:
    """Write what is registered in *place* as a table, or as data."""
    from argoexec_cli.cli.output import write, write_data
    from argoexec_cli.cli.table import render_table

    if output is not None:
        write_data({"default": registry.default, "executors": {}} | encode(registry), output)
        return
    if not registry.executors and not registry.default:
        session.say(f"no executor is registered in {place}")
        return
    rows = [
        [name, each.endpoint, "yes" if name == registry.default else ""]
        for name, each in registry.executors.items()
    ]
    if registry.default in BUILT_IN:
        rows.append([registry.default, "built in", "yes"])
    write(render_table(rows, header=["NAME", "ENDPOINT", "DEFAULT"], color=session.color))
