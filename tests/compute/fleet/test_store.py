"""What is written down about fleets: private, versioned, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.store import FleetStore
from argoexec_cli.errors import (
    ArgoexecError,
    DataLossError,
    DeniedError,
    NotFoundError,
    PreconditionError,
    UnsupportedError,
)
from argoexec_cli.models.base import encode_json

LAB = Fleet(
    name="lab",
    provider="ssh",
    created=datetime(2026, 1, 1, tzinfo=UTC),
    hosts=(Host(name="lab/0", address="10.0.0.5"),),
)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    store = FleetStore(tmp_path / "fleets")
    assert store.fleets() == ((), {})
    with store.held("lab") as place:
        assert place.load() is None
        place.save(LAB)
        assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in place.directory.glob("*.json")} == {
            0o600
        }
    assert store.find("lab") == LAB
    assert store.fleets().read == (LAB,)
    (tmp_path / "fleets/.DS_Store").touch()
    assert store.fleets().names == ["lab"]


def test_a_fleet_that_is_worked_on_is_refused_to_others(tmp_path: Path) -> None:
    first, second = FleetStore(tmp_path), FleetStore(tmp_path)
    with (
        first.held("lab"),
        pytest.raises(PreconditionError, match=r"another run is working on the fleet lab"),
        second.held("lab"),
    ):
        pass
    with second.held("lab"):
        pass


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    store = FleetStore(tmp_path)
    with store.held("lab") as place:
        place.save(LAB)
        (place.directory / "trust").mkdir()
        (place.directory / "trust/ca.key").write_text("secret")
        place.forget()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFoundError, match="there is no fleet 'lab'"):
        store.find("lab")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", DataLossError, "is not a fleet's record"),
        ('{"version": "x"}', DataLossError, "is not a fleet's record"),
        ("[]", DataLossError, "is not a fleet's record"),
        ('{"name": "lab"}', DataLossError, "missing required field"),
        ('{"version": 2, "anything": 1}', UnsupportedError, "by a later argoexec"),
        ('{"version": 1, "anything": 1}', UnsupportedError, r"argoexec \(anything is not supp"),
        ('{"version": 1e999}', DataLossError, "is not a fleet's record"),
        (encode_json(LAB).decode().replace('"lab"', '"lib"'), DataLossError, "of another fleet"),
        (encode_json(LAB).decode().replace('"ssh"', '"aws"'), DataLossError, "aws without a spec"),
        (encode_json(LAB).decode().replace("lab/0", "lab/x"), DataLossError, "a host 'lab/x'"),
    ],
)
def test_a_record_that_cannot_be_read_says_why(
    text: str, error: type[ArgoexecError], said: str, tmp_path: Path
) -> None:
    store = FleetStore(tmp_path)
    with store.held("lab") as place:
        place.record.write_text(text)
        with pytest.raises(error, match=said) as caught:
            place.load()
    assert caught.value.hint
    assert list(store.fleets().broken) == ["lab"]


def test_a_record_that_may_not_be_read(tmp_path: Path) -> None:
    store = FleetStore(tmp_path)
    with store.held("lab") as place:
        place.record.mkdir()  # no mode keeps root out
        with pytest.raises(DeniedError, match=r"fleet\.json: Is a directory"):
            store.find("lab")


def test_of_a_full_disk_the_file_is_named_and_the_record_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FleetStore(tmp_path).held("lab") as place:
        place.save(LAB)

        def full(file: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: .*/lab/fleet\.json"):
            place.save(msgspec.structs.replace(LAB, phase="ready"))
        assert place.load() == LAB


def test_a_place_that_is_not_mounted_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "fleets").symlink_to(tmp_path / "away")
    store = FleetStore(tmp_path / "fleets")
    with pytest.raises(PreconditionError, match="fleets leads nowhere"):
        store.fleets()
    with pytest.raises(PreconditionError, match="fleets leads nowhere"), store.held("lab"):
        pass
    (tmp_path / "away").mkdir()
    assert store.fleets().names == []


def test_of_a_run_that_wrote_nothing_down_nothing_stays(tmp_path: Path) -> None:
    store = FleetStore(tmp_path / "a/fleets")
    with pytest.raises(KeyError), store.held("lab") as place:
        (place.directory / "terraform").mkdir()
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    place.terraform.mkdir(parents=True)
    with store.held("lab"), store.held("other"):
        pass
    assert [each.name for each in place.directory.parent.iterdir()] == ["lab"]
    assert place.terraform.exists()


def test_a_fleet_that_was_removed_meanwhile_is_held_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = fcntl.flock, list[int]()

    def ends_first(file: int, operation: int) -> None:
        calls.append(operation)
        if len(calls) == 1:
            (tmp_path / "lab/.lock").unlink()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", ends_first)
    with FleetStore(tmp_path).held("lab") as place:
        assert (place.directory / ".lock").read_text() == f"{os.getpid()}\n"
        with (
            pytest.raises(PreconditionError, match="another run"),
            FleetStore(tmp_path).held("lab"),
        ):
            pass


@pytest.mark.parametrize("name", ["../lab", "Lab", "", "a" * 31, "lab/0", "-x"])
def test_a_name_that_is_no_directory_is_refused(name: str, tmp_path: Path) -> None:
    from argoexec_cli.errors import InvalidError

    with pytest.raises(InvalidError), FleetStore(tmp_path).held(name):
        pass
