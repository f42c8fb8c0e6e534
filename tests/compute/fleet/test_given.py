"""Hosts that exist: provisioned, cut off and continued, reached through SSH, and given back."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.compute.fleet.program import Program, finish
from tests.lab.machine import Machine

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
# What the program says when it is in the middle of each phase.
POINTS = ("wait for SSH", "Install docker.io", "Copy the package", "Start the daemon", "probe pod")


@pytest.fixture(scope="module")
def program(home: Path) -> Program:
    """Give the program; no cloud is near."""
    return Program(home)


def words(machines: list[Machine], key: Path) -> list[str]:
    """Return the options that name the machines."""
    hosts = [word for each in machines for word in ("--host", f"admin@{each.address}")]
    return [*hosts, "--identity", str(key), "--yes"]


def kill_at(program: Program, point: str, *arguments: str) -> bool:
    """Kill the run when it says *point*; tell whether it came so far."""
    child = program.start(*arguments)
    assert child.stderr is not None
    for line in child.stderr:
        if point in line:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return True
    child.communicate()
    return False


def test_is_continued_from_wherever_it_was_killed(
    program: Program, machines: list[Machine], key: Path
) -> None:
    wanted = ["provision", "lab", *words(machines, key)]
    for point in POINTS:
        assert kill_at(program, point, *wanted), point
    program(*wanted).good()
    record = program.record("lab")
    assert [host["proved"] for host in record["hosts"]] == [True, True]
    for context in ("lab", "lab/0", "lab/1"):
        program.run_echo(context)


def test_changes_nothing_when_all_is_as_it_should_be(program: Program) -> None:
    before = program.record("lab")
    said = program("provision", "lab", "--timings", "-o", "json").good()
    assert {span["source"] for span in json.loads(said.out)["timings"]} == {"preflight", "record"}
    assert program.record("lab") == before


def test_shows_a_plan_and_does_nothing(program: Program, machines: list[Machine]) -> None:
    before = program.record("lab")
    said = program("provision", "lab", "--host", "10.9.9.9", "--plan").good()
    assert "+ 10.9.9.9" in said.err
    assert program.record("lab") == before


def test_two_runs_at_once_are_one_too_many(program: Program, machines: list[Machine]) -> None:
    first = program.start("provision", "lab", "--runtime", "docker", "-o", "json")
    machines[1].run("systemctl", "stop", "argoexec")
    second = program.start("provision", "lab")
    ends = [finish(first), finish(second)]
    assert sorted(end.code for end in ends) in ([0, 0], [0, 2])
    for end in ends:
        if end.code:
            assert "another run is working on the fleet lab (pid " in end.err
            assert "hint: wait for it" in end.err
    program("provision", "lab").good()
    assert json.loads(program("hosts", "lab", "-o", "json").good().out)[1]["healthy"] is True


def test_reaches_the_daemon_through_ssh(program: Program) -> None:
    program("provision", "lab", "--via", "ssh").good()
    assert "via: ssh" in program.config.read_text()
    program.run_echo("lab/1")
    refused = program("provision", "lab", "--register")
    assert (refused.code, "reached by SSH cannot be registered" in refused.err) == (2, True)


def test_is_given_back_as_it_was_but_for_the_engine(
    program: Program, machines: list[Machine]
) -> None:
    said = program("destroy", "lab", "--yes").good()
    assert "the fleet lab is gone" in said.err
    for machine in machines:
        assert machine.run("systemctl", "is-active", "docker") == "active\n"
        assert not (machine.root / "opt/argoexec").exists()
        assert not (machine.root / "etc/systemd/system/argoexec.service").exists()
    assert not (program.home / "fleets/lab").exists()
    assert program("destroy", "lab", "--yes").code == 3
