"""Configuring hosts over SSH: what reaches them, how failures read, what cancelling leaves."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from argoexec_cli.compute.ansible import Configuration, Target, configure, playbooks
from argoexec_cli.compute.ansible.configure import hosts_of
from argoexec_cli.compute.ansible.failures import failure_of, host_failure
from argoexec_cli.compute.ansible.run import Failure, Outcome
from argoexec_cli.compute.events import Step
from argoexec_cli.compute.fleet.ansible import AnsibleConfigure
from argoexec_cli.compute.fleet.given import ThisMachine
from argoexec_cli.compute.fleet.provision import Provisioning, Tools
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.package import Package
from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.models.connection import Ssh
from tests.engines.availability import need
from tests.engines.sshd import PROGRAMS, SshServer, make_key

TOUCHES = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Leave a mark
      ansible.builtin.copy: {content: "{{ argoexec_listen }}", dest: "{{ mark }}", mode: "0600"}
"""
SLEEPS = """\
- hosts: all
  gather_facts: false
  environment: "{{ argoexec_environment }}"
  tasks:
    - name: Sleep
      ansible.builtin.shell: echo $$ > {{ mark }}; exec sleep 600
"""
FAILS = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Rescued
      block:
        - name: Fail in vain
          ansible.builtin.fail: {msg: never mind}
      rescue:
        - name: Go on
          ansible.builtin.debug: {msg: ""}
    - name: Fail on one
      ansible.builtin.fail: {msg: No space left on device}
      when: inventory_hostname == "second"
    - name: Leave a mark
      ansible.builtin.copy: {content: "", dest: "{{ mark }}", mode: "0600"}
    - name: Configure and start what runs tasks, now and at every boot
      ansible.builtin.debug:
"""
PLAIN = Configuration(runtime="docker", port=7401)


@pytest.fixture
def sshd(pytestconfig: pytest.Config, short_tmp: Path) -> Iterator[SshServer]:
    """Give an SSH server that runs."""
    need(pytestconfig, *PROGRAMS)
    with SshServer(short_tmp) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory whose playbooks are the ones that are found."""
    (tmp_path / "playbooks").mkdir()
    monkeypatch.setattr(playbooks, "_PLACES", (tmp_path,))
    return tmp_path


def target(login: Ssh | None, name: str = "lab/0") -> Target:
    """Return a host whose package and certificates nobody looks at."""
    return Target(name, login, Package(Path("/package.tar"), "id", False))


async def run(
    place: Path, playbook: str, *targets: Target, told: Callable[[str], None] = lambda name: None
) -> tuple[dict[str, int], list[Step]]:
    """Configure *targets* with *playbook*; return the changes and the steps."""
    (place / "playbooks" / "host.yml").write_text(playbook)
    # Discovery may find a version manager's shim on a developer's machine.
    variables = {"mark": str(place / "mark"), "ansible_python_interpreter": sys.executable}
    wanted = Configuration(runtime="docker", port=7401, variables=variables)
    steps: list[Step] = []

    async def these() -> Sequence[Target]:
        return targets

    changed = await configure(these, wanted, child_environment(), steps.append, told)
    return changed, steps


# ---- really over SSH

slow = pytest.mark.slow


@slow
async def test_a_host_is_changed_once_and_every_step_is_told(place: Path, sshd: SshServer) -> None:
    changed, steps = await run(place, TOUCHES, target(sshd.login))
    assert changed == {"lab/0": 1}
    assert (place / "mark").read_text() == '["0.0.0.0:7401"]'
    assert [(step.subject, step.action, step.state) for step in steps] == [
        ("lab/0", "Leave a mark", "started"),
        ("lab/0", "Leave a mark", "changed"),
    ]
    changed, _ = await run(place, TOUCHES, target(sshd.login))
    assert changed == {"lab/0": 0}


async def test_that_ansible_is_missing_is_said_before_anything_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(name="bare", provider="local", created=datetime.now(UTC))
    steps: list[Step] = []
    tools = Tools(Place(tmp_path), ThisMachine(fleet), AnsibleConfigure({}), steps.append)
    assert not (await Provisioning(fleet, tools).preview()).empty
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(PreconditionError, match="ansible is not installed"):
        await Provisioning(fleet, tools).preview()


@slow
async def test_a_host_that_fails_does_not_stop_the_others(place: Path, sshd: SshServer) -> None:
    hosts = (target(sshd.login, "first"), target(sshd.login, "second"))
    told: list[str] = []
    with pytest.raises(PreconditionError) as caught:
        await run(place, FAILS, *hosts, told=told.append)
    assert told == ["first"]
    assert caught.value.message.startswith("second: its disk is full (Fail on one: ")
    assert "never mind" not in caught.value.message
    assert (place / "mark").exists()


@slow
async def test_hosts_that_cannot_be_reached(place: Path, sshd: SshServer, short_tmp: Path) -> None:
    make_key(short_tmp / "stranger")
    login = sshd.login
    stranger = Ssh(
        host=login.host,
        user=login.user,
        port=login.port,
        identity_file=str(short_tmp / "stranger"),
        known_hosts_file=login.known_hosts_file,
    )
    with pytest.raises(DeniedError, match="lab/0: it refuses the SSH login"):
        await run(place, TOUCHES, target(stranger))
    sshd.known_hosts.write_text("")
    with pytest.raises(UnauthenticatedError, match="its SSH host key is not the one"):
        await run(place, TOUCHES, target(login))
    sshd.stop()
    with pytest.raises(UnavailableError, match=r"does not answer over SSH .*refused"):
        await run(place, TOUCHES, target(login))
    assert not (place / "mark").exists()


@slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the login would have to become root")
async def test_cancelling_ends_what_was_going_on_there(place: Path, sshd: SshServer) -> None:
    running = asyncio.ensure_future(run(place, SLEEPS, target(sshd.login)))
    mark = place / "mark"
    await asyncio.to_thread(_until, lambda: mark.exists() and bool(mark.read_text().strip()))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    sleeping = Path(f"/proc/{mark.read_text().strip()}/comm")
    await asyncio.to_thread(_until, lambda: not sleeping.exists())


def _until(ready: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + 80
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- what is told, and what is made of the answers


def test_a_login_becomes_an_inventory_that_checks_the_host_key() -> None:
    login = Ssh(
        host="10.0.0.1",
        user="admin",
        port=2222,
        identity_file="/keys/id",
        known_hosts_file="/fleets/my lab/known_hosts",
    )
    (host,) = hosts_of([target(login)]).values()
    assert host["ansible_host"] == "10.0.0.1"
    assert host["ansible_become"]
    assert "-o StrictHostKeyChecking=yes" in host["ansible_ssh_common_args"]
    assert "'UserKnownHostsFile=/fleets/my lab/known_hosts'" in host["ansible_ssh_common_args"]
    root = Ssh(host="10.0.0.1", user="root")
    assert not hosts_of([target(root)])["lab/0"]["ansible_become"]
    here = hosts_of([target(None)])["lab/0"]
    assert here["ansible_connection"] == "local"
    assert here["ansible_become"] is (getpass.getuser() != "root")


@pytest.mark.parametrize(
    ("message", "error", "text"),
    [
        ("sudo: a password is required", DeniedError, "may not become root"),
        ("Missing sudo password", DeniedError, "may not become root"),
        ("Failed to update apt cache: E:…", UnavailableError, "package mirror"),
        ("E: Unable to locate package docker.io", UnavailableError, "package mirror"),
        ("Failed to download metadata for repo 'amazonlinux'", UnavailableError, "mirror"),
        ("Could not get lock /var/lib/dpkg/lock-frontend", UnavailableError, "installing packages"),
        ("ERROR: No matching distribution found for grpcio", UnavailableError, "package index"),
        ("OSError: [Errno 28] No space left on device", PreconditionError, "disk is full"),
        (
            "Unit argoexec-firewall-undo.timer not loaded.",
            PreconditionError,
            "lock this machine out",
        ),
        ("something new", PreconditionError, "Install: something new"),
    ],
)
def test_failures_are_named(message: str, error: type[ArgoexecError], text: str) -> None:
    found = host_failure(Failure("lab/0", "Install", message), "10.0.0.1")
    assert type(found) is error
    assert found.message.startswith("lab/0: ")
    assert text in found.message
    assert found.hint


def test_that_a_firewall_shuts_us_out_is_not_taken_for_a_host_that_is_off() -> None:
    task = "Keep the firewall, as this machine still gets in"
    for reached, message in ((False, "Connection timed out"), (True, "interrupted")):
        found = host_failure(Failure("lab/0", task, message, reached), "10.0.0.1")
        assert "lock this machine out" in found.message


def test_of_several_hosts_the_first_is_explained_and_the_others_named() -> None:
    failures = (Failure("a", "Install", "No space left on device"), Failure("b", "Install", "x"))
    error = failure_of(Outcome(False, "failed", failures, {}, ""), {})
    assert error.message.endswith("(and 1 more: b)")
    assert str(error) == error.message
    refused = (Failure("lab/1", "", "Permission denied (publickey)", False), *failures)
    error = failure_of(Outcome(False, "failed", refused, {}, ""), {"lab/1": "10.0.0.1"})
    assert error.message.endswith("(and 2 more: a, b)")
    assert error.hint == "check user and key: ssh -i KEY USER@10.0.0.1"
    nothing = failure_of(Outcome(False, "failed", (), {}, "ERROR! no such role"), {})
    assert nothing.message == "Ansible could not start: ERROR! no such role"
