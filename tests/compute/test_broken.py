"""Records that cannot be read: the other fleets are not hidden, and each says how to go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.store import FleetStore
from argoexec_cli.models.connection import Ssh
from tests.compute.fleet.program import Program
from tests.lab.ec2 import REGION, Ec2

pytestmark = pytest.mark.e2e
WHERE = Ssh(host="127.0.0.1", user="admin", port=1)


@pytest.fixture
def program(ec2: Ec2, tmp_path: Path) -> Program:
    """Give the program with a fleet `whole`, and one whose record was cut off, `torn`."""
    program = Program(tmp_path, ec2.environment)
    host = Host(name="whole/0", address="127.0.0.1", port=1)
    fleet = Fleet(
        name="whole", provider="ssh", created=datetime.now(UTC), given=(WHERE,), hosts=(host,)
    )
    store = FleetStore(tmp_path / "fleets")
    with store.held("whole") as place:
        place.save(fleet)
    torn = store.place("torn")
    torn.directory.mkdir()
    torn.record.write_bytes(place.record.read_bytes()[:40])
    return program


def test_the_others_are_shown(program: Program) -> None:
    record = program.home / "fleets/torn/fleet.json"
    for command in ("fleets", "hosts"):
        ended = program(command, "-o", "json")
        assert [each["name"].partition("/")[0] for each in json.loads(ended.out)] == ["whole"]
        error, hint = ended.err.splitlines()
        assert error == f"error: torn: {record} is not a fleet's record"
        assert hint.startswith(f"hint: mv {record} {record}.old, then provision torn as before")
        assert ended.code == 1
    head, row = program("hosts").out.splitlines()
    assert head.split() == ["NAME", "STATE", "HEALTH", "ADDRESS", "PROBLEM"]
    assert row[: head.index("PROBLEM")].split() == ["whole/0", "given", "bad", "127.0.0.1"]
    assert row[head.index("PROBLEM") :].startswith("no daemon answers at 127.0.0.1:7401")
    assert program("fleets").out.splitlines()[1].split()[0] == "whole"
    (program.home / "fleets/whole/fleet.json").unlink()
    only = program("fleets")
    assert (only.out, only.code, "there is no fleet" in only.err) == ("", 1, False)
    assert program("hosts").code == 1


@pytest.mark.parametrize("words", [("destroy", "--yes"), ("provision", "--plan"), ("hosts",)])
def test_what_is_asked_of_it_says_how_to_go_on(program: Program, words: tuple[str, ...]) -> None:
    ended = program(words[0], "torn", *words[1:])
    error, hint = ended.err.splitlines()
    assert error.endswith("torn/fleet.json is not a fleet's record")
    assert hint.startswith("hint: mv ")
    assert ended.code == 1
    assert (program.home / "fleets/torn/fleet.json").exists()


def test_what_it_owns_is_no_leak(program: Program) -> None:
    account: Any = boto3.client(
        "ec2",
        endpoint_url=program.environment["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    for fleet in ("torn", "gone"):
        tags = [{"Key": "argoexec:fleet", "Value": fleet}, {"Key": "argoexec:owner", "Value": "x"}]
        account.create_vpc(
            CidrBlock="10.9.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
        )

    def leaked(owner: str = "x") -> tuple[set[str], int]:
        ended = program("leaks", "--owner", owner, "-o", "json")
        return {each["fleet"] for each in json.loads(ended.out)}, ended.code

    assert leaked() == ({"gone"}, 1)
    assert leaked("nobody") == (set(), 1)
    # Its directory alone owns nothing, nor does what a plan locks; a state does.
    (program.home / "fleets/torn/fleet.json").unlink()
    state = program.home / "fleets/torn/terraform/terraform.tfstate"
    state.parent.mkdir()
    for text, owners in (("", {"gone", "torn"}), ("{}", {"gone"})):
        state.write_text(text)
        assert leaked() == (owners, 1)
    assert "torn/fleet.json is lost" in program("destroy", "torn", "--yes").err
