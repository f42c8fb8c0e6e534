"""Where fleets are kept: one private directory each, with a record in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.compute.fleet.record import VERSION, Fleet
from argoexec_cli.compute.lock import alone
from argoexec_cli.compute.models import check_name
from argoexec_cli.errors import ArgoexecError, DataLossError, NotFoundError, UnsupportedError
from argoexec_cli.files import replace_file
from argoexec_cli.models.base import decode_json, encode_json

_RECORD: Final = "fleet.json"


class Place(NamedTuple):
    """One fleet's directory (0700). Terraform, certificates and SSH each have a part of it."""

    directory: Path

    @property
    def terraform(self) -> Path:
        """Terraform's configuration and state."""
        return self.directory / "terraform"

    @property
    def trust(self) -> Path:
        """The authority and all certificates."""
        return self.directory / "trust"

    @property
    def ssh_key(self) -> Path:
        """The private key that logs in to hosts that we made."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The hosts' own keys, as they were when we first saw them."""
        return self.directory / "ssh" / "known_hosts"

    def load(self) -> Fleet | None:
        """Return the record; None when there is none.

        `DataLossError` for one that cannot be read, `UnsupportedError` for a later version's.
        """
        path = self.directory / _RECORD
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        _check_version(path, data)
        try:
            return decode_json(data, Fleet)
        except ArgoexecError as exc:
            raise DataLossError(f"{path}: {exc.message}", hint=_lost(path)) from exc

    def save(self, fleet: Fleet) -> None:
        """Write the record, whole or not at all."""
        replace_file(self.directory / _RECORD, encode_json(fleet) + b"\n", 0o600)

    def forget(self) -> None:
        """Remove everything, the record last: until then the same call can be made again."""
        for path in sorted(self.directory.iterdir(), key=lambda each: each.name == _RECORD):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.directory.rmdir()


class FleetStore:
    """All fleets of one user. Reading needs no lock; a change holds the fleet (`alone`)."""

    def __init__(self, base: Path) -> None:
        """Keep the directory of all of them, which need not exist."""
        self._base = base

    def place(self, name: str) -> Place:
        """Return the directory of the fleet called *name*, made or not. `InvalidError`."""
        check_name(name)
        return Place(self._base / name)

    @contextmanager
    def held(self, name: str) -> Iterator[Place]:
        """Hold the fleet against every other run. `PreconditionError` names the one that has it."""
        place = self.place(name)
        with alone(place.directory):
            (place.directory / "ssh").mkdir(mode=0o700, exist_ok=True)
            yield place

    def fleets(self) -> list[Fleet]:
        """Return every fleet's record, by name."""
        found = (Place(path.parent).load() for path in sorted(self._base.glob(f"*/{_RECORD}")))
        return [fleet for fleet in found if fleet is not None]

    def find(self, name: str) -> Fleet:
        """Return the record of *name*; `NotFoundError` tells which fleets there are."""
        fleet = self.place(name).load()
        if fleet is None:
            known = ", ".join(each.name for each in self.fleets()) or "none"
            raise NotFoundError(f"there is no fleet {name!r}", hint=f"there are: {known}")
        return fleet


def _lost(path: Path) -> str:
    """Return how to go on without the record: what Terraform knows and the keys lie beside it."""
    name = path.parent.name
    return f"mv {path} {path}.old, then provision {name} as before: its hosts are taken over"


def _check_version(path: Path, data: bytes) -> None:
    try:
        version = int(json.loads(data).get("version", 1))
    except (ValueError, AttributeError, TypeError) as exc:
        raise DataLossError(f"{path} is not a fleet's record", hint=_lost(path)) from exc
    if version > VERSION:
        raise UnsupportedError(
            f"{path} was written by a later argoexec (version {version} of the record)",
            hint="use that argoexec, or a newer one",
        )
