"""A given host that is gone: its fleet can be destroyed, and until then no other takes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.store import FleetStore
from argoexec_cli.models.connection import Ssh
from tests.compute.fleet.program import Program

pytestmark = pytest.mark.e2e
GONE = Ssh(host="127.0.0.1", user="admin", port=1)


@pytest.mark.parametrize("configured", ["digest", ""])
def test_a_host_that_is_gone_is_left_out_with_force(configured: str, tmp_path: Path) -> None:
    program = Program(tmp_path)
    here = "127.0.0.1"
    host = Host(name="ghost/0", id=here, address=here, port=1, configured=configured)
    with FleetStore(tmp_path / "fleets").held("ghost") as place:
        created = datetime.now(UTC)
        fleet = Fleet(name="ghost", provider="ssh", created=created, given=(GONE,), hosts=(host,))
        place.save(fleet)
    other = program("provision", "other", "--host", "root@127.0.0.1:1", "--plan")
    assert ("error: 127.0.0.1 is ghost/0 already" in other.err, other.code) == (
        (True, 2) if configured else (False, 0)
    )
    program("provision", "other", "--host", "root@127.0.0.1:2", "--plan").good()
    refused = program("destroy", "ghost", "--yes")
    if configured:
        assert refused.code == 2
        assert "ghost/0: the daemon cannot be removed: ssh: connect to host" in refused.err
        assert "leave it out with --force" in refused.err
        program("destroy", "ghost", "--yes", "--force").good()
    assert not (tmp_path / "fleets/ghost").exists()
