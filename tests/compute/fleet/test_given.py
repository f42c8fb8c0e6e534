"""Hosts that exist: provisioned, cut off and continued, reached through SSH, and given back."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from argoexec_cli.errors import ExitCode
from tests.compute.fleet.program import Program
from tests.lab.machine import Machine
from tests.lab.network import GATEWAY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]
# What the program says when it is in the middle of each phase.
LONG = """\
apiVersion: v1
kind: Pod
metadata: {name: long}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: "argoexec/pause:1", command: [sleep, "600"]}
"""
POINTS = (
    "wait for SSH",
    "Install docker.io",
    "Copy the package",
    "Configure and start",
    "probe pod",
)


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


def test_starts_a_daemon_that_was_stopped(program: Program, machines: list[Machine]) -> None:
    machines[1].run("systemctl", "stop", "argoexec")
    program("provision", "lab").good()
    assert json.loads(program("hosts", "lab", "-o", "json").good().out)[1]["healthy"] is True


def test_a_host_that_takes_no_certificates_stops_no_other(
    program: Program, machines: list[Machine]
) -> None:
    for machine in machines:
        machine.run("systemctl", "stop", "argoexec")
    machines[0].run("sh", "-c", "cd /etc/argoexec && mv tls was && touch tls")
    refused = program("provision", "lab")
    assert refused.code == ExitCode.USAGE
    assert "lab/0: it does not take its certificates: " in refused.err
    assert machines[1].run("systemctl", "is-active", "argoexec") == "active\n"
    machines[0].run("sh", "-c", "cd /etc/argoexec && rm tls && mv was tls")
    program("provision", "lab").good()


def test_reaches_the_daemon_through_ssh(program: Program) -> None:
    program("provision", "lab", "--via", "ssh").good()
    assert "via: ssh" in program.config.read_text()
    program.run_echo("lab/1")
    refused = program("provision", "lab", "--register")
    assert (refused.code, "reached by SSH cannot be registered" in refused.err) == (2, True)


def test_guards_the_daemon_and_nothing_else(
    program: Program, machines: list[Machine], key: Path
) -> None:
    program("provision", "lab", "--allow", "192.0.2.0/24").good()
    for machine in machines:
        assert machine.answers()
        with pytest.raises(TimeoutError):
            socket.create_connection((machine.address, 7401), timeout=2)
    program.run_echo("lab/1")  # through SSH, which is no way round it
    program("provision", "lab", "--allow", f"{GATEWAY}/32").good()
    for machine in machines:
        socket.create_connection((machine.address, 7401), timeout=20).close()
    program("provision", "lab", "--allow", "none").good()
    for machine in machines:
        socket.create_connection((machine.address, 7401), timeout=20).close()
        assert "argoexec" not in machine.run("nft", "list", "ruleset")


def test_a_host_that_is_left_out_is_left_as_it_was(
    program: Program, machines: list[Machine], key: Path
) -> None:
    manifest = program.home / "long.yaml"
    manifest.write_text(LONG)
    program("--context", "lab/1", "submit", str(manifest)).good()
    deadline = time.monotonic() + 60
    while "sleep 600" not in machines[1].run("docker", "ps", "--format", "{{.Command}}"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    planned = program("provision", "lab", *words(machines[:1], key), "--plan").good()
    assert f"- {machines[1].address}" in planned.err
    program("provision", "lab", *words(machines[:1], key)).good()
    assert nothing_of_ours(machines[1])
    assert "lab/1" not in program.config.read_text()
    program.run_echo("lab")
    again = program("provision", "lab", "--plan").good()
    assert "lab exists as it should" in again.err


def nothing_of_ours(machine: Machine) -> bool:
    """Tell whether a host has nothing of ours, and its engine runs."""
    assert machine.run("systemctl", "is-active", "docker") == "active\n"
    assert machine.run("docker", "ps", "--all", "--quiet") == ""
    assert "argoexec" not in machine.run("nft", "list", "ruleset")
    here = ("opt/argoexec", "etc/argoexec", "var/lib/argoexec", "etc/systemd/system")
    found = [path for each in here for path in (machine.root / each).glob("argoexec*")]
    return not found and not any((machine.root / each).exists() for each in here[:3])


def test_is_given_back_as_it_was_but_for_the_engine(
    program: Program, machines: list[Machine]
) -> None:
    said = program("destroy", "lab", "--yes").good()
    assert "the fleet lab is gone" in said.err
    assert all(map(nothing_of_ours, machines))
    assert not (program.home / "fleets/lab").exists()
    assert program("destroy", "lab", "--yes").code == 3
