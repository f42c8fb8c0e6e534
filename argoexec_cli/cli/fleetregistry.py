"""A fleet's hosts as executors in the registry's file: made known, kept right, forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from argoexec_cli.cli.session import Session
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.controller.registering import (
    change,
    plan_register,
    read_manifest,
    write_registry,
)
from argoexec_cli.controller.registry import Registration, Registry, read_registry
from argoexec_cli.models.connection import Endpoint


def register_fleet(
    session: Session, fleet: Fleet, ways: Mapping[str, Endpoint], *, default: bool
) -> None:
    """Make every host known, the first under the fleet's own name, and forget those that are gone.

    Repeating it changes nothing.
    """
    path = Path(session.settings.registry.value)
    text = read_manifest(path)
    named = _named(fleet, ways)
    for name, way in named.items():
        entry = Registration(way.server, way.tls)
        chosen = default and name == fleet.name
        text = plan_register(text, name, entry, default=chosen, file=str(path))
    write_registry(path, text or "")
    session.say(f"registered {', '.join(named)} in {path}")


def refresh_fleet(
    session: Session, fleet: Fleet, ways: Mapping[str, Endpoint], place: Place
) -> None:
    """Have what is registered of the fleet name the addresses of now, and no host that is gone."""
    path = Path(session.settings.registry.value)
    text = read_manifest(path)
    before = read_registry(text or "", str(path))
    named = _named(fleet, ways)
    ours = _ours(before, place)
    wanted = {
        name: Registration(named[name].server, named[name].tls) if name in named else None
        for name in ours
    }
    if any(before.executors[name] != entry for name, entry in wanted.items()):
        _write(path, text or "", wanted, before)


def forget_fleet(session: Session, place: Place) -> None:
    """Forget every executor of the fleet; were one the default, there is none."""
    path = Path(session.settings.registry.value)
    text = read_manifest(path)
    before = read_registry(text or "", str(path))
    if ours := _ours(before, place):
        _write(path, text or "", dict.fromkeys(ours), before)
        session.say(f"{', '.join(ours)}: no longer registered in {path}")


def _named(fleet: Fleet, ways: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
    first = next(iter(ways.values()))
    return {fleet.name: first, **{host.key: ways[host.name] for host in fleet.hosts}}


def _ours(registry: Registry, place: Place) -> list[str]:
    """Return the executors whose certificates are the fleet's: a name alone may be another's."""
    directory = place.directory.resolve()
    return [
        name
        for name, entry in registry.executors.items()
        if entry.tls is not None and Path(entry.tls.ca).resolve().is_relative_to(directory)
    ]


def _write(
    path: Path, text: str, wanted: Mapping[str, Registration | None], before: Registry
) -> None:
    gone = {name for name, entry in wanted.items() if entry is None}
    default = "" if before.default in gone else before.default
    write_registry(path, change(text, dict(wanted), default, str(path)))
