"""Where fleets are kept: one private directory each, with a record in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.compute.fleet.record import VERSION, Fleet
from argoexec_cli.compute.lock import alone
from argoexec_cli.compute.models import check_name
from argoexec_cli.errors import (
    ArgoexecError,
    DataLossError,
    DeniedError,
    NotFoundError,
    PreconditionError,
    UnsupportedError,
    UnsupportedFieldError,
)
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

    @property
    def record(self) -> Path:
        """What is written down about it: there is a fleet where this file is."""
        return self.directory / _RECORD

    def load(self) -> Fleet | None:
        """Return the record; None when there is none.

        `DataLossError` for one that is damaged, `UnsupportedError` for a later version's,
        `DeniedError` for one that may not be read.
        """
        path = self.record
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise DeniedError(f"{path}: {exc.strerror}", hint=f"ls -l {path}") from exc
        return _decoded(path, data)

    def check_not_lost(self) -> None:
        """Raise `DataLossError` where there is no record, and yet are things of hosts."""
        if self.record.exists():
            return
        state = b""
        with suppress(FileNotFoundError):
            state = (self.terraform / "terraform.tfstate").read_bytes()  # empty: a plan's lock
        if state or self.trust.exists():
            name = self.directory.name
            raise DataLossError(f"{self.record} is lost", hint=_taken_over(name))

    def save(self, fleet: Fleet) -> None:
        """Write the record, whole or not at all."""
        replace_file(self.record, encode_json(fleet) + b"\n", 0o600)

    def forget(self) -> None:
        """Remove everything, the record last: until then the same call can be made again."""
        for path in sorted(self.directory.iterdir(), key=lambda each: each.name == _RECORD):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.directory.rmdir()


class Fleets(NamedTuple):
    """All fleets: the records that can be read, by name, and what is wrong with the others'."""

    read: tuple[Fleet, ...]
    broken: dict[str, ArgoexecError]

    @property
    def names(self) -> list[str]:
        """The names of all of them."""
        return sorted({*(fleet.name for fleet in self.read), *self.broken})


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
        """Hold the fleet against every other run. `PreconditionError` names the one that has it.

        Of one that had no directory and gets no record nothing stays.
        """
        place = self.place(name)
        self._check_base()
        made = [each for each in (place.directory, *place.directory.parents) if not each.exists()]
        with alone(place.directory):
            try:
                (place.directory / "ssh").mkdir(mode=0o700, exist_ok=True)
                yield place
            finally:
                if made and not place.record.exists():
                    _unmake(made)

    def fleets(self) -> Fleets:
        """Return every fleet, by name; one that cannot be read does not hide the others."""
        self._check_base()
        read, broken = list[Fleet](), dict[str, ArgoexecError]()
        found = sorted(self._base.iterdir()) if self._base.exists() else []
        for place in (Place(each) for each in found if each.is_dir()):
            try:
                fleet = place.load()
                place.check_not_lost()
            except ArgoexecError as exc:
                broken[place.directory.name] = exc
            else:
                read += [fleet] if fleet else []
        return Fleets(tuple(read), broken)

    def find(self, name: str) -> Fleet:
        """Return the record of *name*; `NotFoundError` tells which fleets there are.

        What is wrong with a record is raised as `Place.load` does.
        """
        place = self.place(name)
        fleet = place.load()
        place.check_not_lost()
        if fleet is None:
            known = ", ".join(self.fleets().names) or "none"
            raise NotFoundError(f"there is no fleet {name!r}", hint=f"there are: {known}")
        return fleet

    def _check_base(self) -> None:
        """Take a link that leads nowhere for no empty place: what it leads to may be unmounted."""
        if self._base.is_symlink() and not self._base.exists():
            raise PreconditionError(
                f"{self._base} leads nowhere, and the fleets were there",
                hint=f"mount what it leads to, or remove it: ls -l {self._base}",
            )


def _unmake(directories: Sequence[Path]) -> None:
    """Remove what a run made: a fleet's directory, and those around it where they are empty."""
    shutil.rmtree(directories[0], ignore_errors=True)
    for directory in directories[1:]:
        with suppress(OSError):
            directory.rmdir()


def _decoded(path: Path, data: bytes) -> Fleet:
    _check_version(path, data)
    try:
        fleet = decode_json(data, Fleet)
    except UnsupportedFieldError as exc:
        raise _later(path, exc.message) from exc
    except ArgoexecError as exc:
        raise DataLossError(f"{path}: {exc.message}", hint=_lost(path)) from exc
    if fleet.name != path.parent.name:
        there = path.parent.with_name(fleet.name)
        raise DataLossError(
            f"{path} is the record of another fleet, {fleet.name}",
            hint=f"its directory keeps its name: mv {path.parent} {there}",
        )
    if odd := _contradiction(fleet):
        raise DataLossError(f"{path}: {odd}", hint=_lost(path))
    return fleet


def _contradiction(fleet: Fleet) -> str:
    """Return what no run would have written, where somebody has edited the record; else nothing."""
    if (fleet.provider == "aws") != (fleet.spec is not None):
        return f"a fleet of {fleet.provider} with{'out' if fleet.spec is None else ''} a spec"
    names = (each.name for each in fleet.hosts)
    return next((f"a host {name!r}" for name in names if not _is_host(name, fleet.name)), "")


def _is_host(name: str, fleet: str) -> bool:
    place, _, number = name.rpartition("/")
    return place == fleet and number.isascii() and number.isdecimal()


def _lost(path: Path) -> str:
    """Return how to go on without the record: what Terraform knows and the keys lie beside it."""
    return f"mv {path} {path}.old, then {_taken_over(path.parent.name)}"


def _taken_over(name: str) -> str:
    return f"provision {name} as before: its hosts are taken over"


def _later(path: Path, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"{path} was written by a later argoexec ({why})", hint="use that argoexec, or a newer one"
    )


def _check_version(path: Path, data: bytes) -> None:
    try:
        version = int(json.loads(data).get("version", 1))
    except (ValueError, OverflowError, AttributeError, TypeError) as exc:
        raise DataLossError(f"{path} is not a fleet's record", hint=_lost(path)) from exc
    if version > VERSION:
        raise _later(path, f"version {version} of the record")
