"""Hosts of a fleet as executors: made known, kept right as hosts come and go, and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.cli.fleetregistry import forget_fleet, refresh_fleet, register_fleet
from argoexec_cli.cli.session import Options, Session
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.controller.registry import read_registry_file
from argoexec_cli.models.connection import Endpoint, Tls

HOSTS = (Host(name="lab/0"), Host(name="lab/1"))
FLEET = Fleet(name="lab", provider="ssh", hosts=HOSTS, created=datetime(2026, 1, 1, tzinfo=UTC))
OTHERS = """\
# Mine.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argo-workflows-controller-configmap
data:
  executors: |
    other:  # not of a fleet
      endpoint: 10.9.9.9:7401
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Give a session whose registry has an executor already."""
    monkeypatch.setenv("ARGOEXEC_CONFIG", str(tmp_path / "config.yaml"))
    session = Session(Options())
    Path(session.settings.registry.value).write_text(OTHERS)
    return session


def ways(place: Place, *addresses: str) -> dict[str, Endpoint]:
    """Return the ways to the hosts at *addresses*."""
    tls = Tls(ca=str(place.trust / "ca.crt"))
    return {
        f"lab/{number}": Endpoint(server=f"{address}:7401", tls=tls)
        for number, address in enumerate(addresses)
    }


def test_executors_come_change_and_go_with_their_hosts(session: Session, tmp_path: Path) -> None:
    place, registry = Place(tmp_path / "fleets/lab"), Path(session.settings.registry.value)

    def known() -> dict[str, str]:
        found = read_registry_file(registry)
        return {**{n: e.endpoint for n, e in found.executors.items()}, "default": found.default}

    two = ways(place, "10.0.0.1", "10.0.0.2")
    refresh_fleet(session, FLEET, two, place)
    assert registry.read_text() == OTHERS  # nobody asked for more
    register_fleet(session, FLEET, two, default=True)
    assert known() == {
        "other": "10.9.9.9:7401",
        "lab": "10.0.0.1:7401",
        "lab-0": "10.0.0.1:7401",
        "lab-1": "10.0.0.2:7401",
        "default": "lab",
    }
    smaller = msgspec.structs.replace(FLEET, hosts=HOSTS[:1])
    refresh_fleet(session, smaller, ways(place, "10.0.0.7"), place)
    assert known() == {
        "other": "10.9.9.9:7401",
        "lab": "10.0.0.7:7401",
        "lab-0": "10.0.0.7:7401",
        "default": "lab",
    }
    forget_fleet(session, place)
    assert registry.read_text() == OTHERS


def test_an_executor_of_the_same_name_that_is_anothers_stays(
    session: Session, tmp_path: Path
) -> None:
    place, elsewhere = Place(tmp_path / "fleets/lab"), Place(tmp_path / "fleets/lab2")
    register_fleet(session, FLEET, ways(elsewhere, "10.0.0.1", "10.0.0.2"), default=False)
    before = Path(session.settings.registry.value).read_text()
    refresh_fleet(session, FLEET, ways(place, "10.0.0.8", "10.0.0.9"), place)
    forget_fleet(session, place)
    assert Path(session.settings.registry.value).read_text() == before
