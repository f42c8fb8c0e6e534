"""Small parts of the flow: names of hosts, host keys, timings."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from argoexec_cli.compute.events import Source, State, Step
from argoexec_cli.compute.fleet.configure import as_root
from argoexec_cli.compute.fleet.given import GivenHosts, ThisMachine, check_free, parse_host
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.ssh import ensure_key, forget_host_key
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.fleet.timings import Timings
from argoexec_cli.errors import AlreadyExistsError, InvalidError
from argoexec_cli.models.connection import Ssh

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("lab.example.com", Ssh(host="lab.example.com")),
        ("admin@10.0.0.5", Ssh(host="10.0.0.5", user="admin")),
        ("admin@10.0.0.5:2222", Ssh(host="10.0.0.5", user="admin", port=2222)),
        ("root@[fd00::5]:22", Ssh(host="fd00::5", user="root", port=22)),
        ("fd00::5", Ssh(host="fd00::5")),
        ("me@example.com@[fe80::1%eth0]", Ssh(host="fe80::1%eth0", user="me@example.com")),
    ],
)
def test_a_host_is_read(text: str, host: Ssh) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", "admin@", "@h", "-oProxyCommand=x", "-oX@h", "a@-x", "a b", "h/x"),
        *("lab:ssh", "h:0", "h:65536", "h:22:33", "[::1", "[h]"),
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a host"):
        parse_host(text)


def test_a_host_that_was_just_left_out_is_still_reached(tmp_path: Path) -> None:
    fleet = Fleet(name="lab", provider="ssh", created=START, given=(Ssh(host="a", port=1),))
    hosts = GivenHosts(fleet, Place(tmp_path))
    logins = [hosts.login(Host(name=f"lab/{n}", address="b", port=2)) for n in range(2)]
    assert [(each.host, each.port) for each in logins if each] == [("a", 1), ("b", 2)]


def test_this_machine_is_of_one_fleet() -> None:
    def local(name: str, host: str = "localhost") -> Fleet:
        hosts = (Host(name=f"{name}/0", id=host, configured="digest"),)
        return Fleet(name=name, provider="local", created=START, hosts=hosts)

    first, other = local("first"), local("other", "elsewhere")
    check_free(first, None, [first, other])
    check_free(local("second"), local("second"), [first, other])
    with pytest.raises(AlreadyExistsError, match="localhost is first/0 already") as caught:
        check_free(local("second"), None, [other, first])
    assert caught.value.hint.endswith("argoexec destroy first")


@pytest.mark.parametrize(("sudo", "may"), [("", False), ("exit 1", False), ("exit 0", True)])
async def test_this_machine_is_refused_to_whoever_may_not_become_root(
    sudo: str, may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sudo:
        (tmp_path / "sudo").write_text(f"#!/bin/sh\n{sudo}\n")
        (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = await ThisMachine(Fleet(name="me", provider="local", created=START)).preflight()
    assert [each.state for each in found] == ([] if may else ["wrong"])


@pytest.mark.parametrize(("user", "said"), [(0, b"hi\n"), (1000, b"as root: echo hi\n")])
async def test_what_needs_root_here_gets_it(
    user: int, said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sudo").write_text("#!/bin/sh\nshift; echo as root: $*\n")
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert (await as_root(None, "echo hi", timeout_s=10)).stdout == said


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    public = ensure_key(tmp_path / "key")
    assert public.startswith("ssh-ed25519 ")
    assert ensure_key(tmp_path / "key") == public
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_host_key_is_forgotten_by_its_address(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    forget_host_key(known, "10.0.0.5")
    kept = "10.0.0.50 ssh-ed25519 A\n10.0.0.6,10.0.0.7 ssh-ed25519 B\n"
    known.write_text(f"10.0.0.5 ssh-ed25519 C\n{kept}[10.0.0.5]:2222 ssh-ed25519 D\n")
    forget_host_key(known, "10.0.0.5")
    assert known.read_text() == kept


def test_what_is_installed_side_by_side_is_counted_once_and_the_rest_is_ours() -> None:
    timings = Timings(began=START)

    def step(source: Source, subject: str, action: str, begin_s: float, end_s: float) -> None:
        for state, after_s in (("started", begin_s), ("changed", end_s)):
            at = START + timedelta(seconds=after_s)
            timings.add(
                Step(source=source, action=action, state=cast(State, state), subject=subject, at=at)
            )

    step("terraform", "", "apply", 1, 4)
    for host in ("a", "b"):
        step("ansible", host, "Install docker.io", 5, 9)
    step("ansible", "a", "Write the settings", 9, 9.5)
    step("probe", "a", "probe pod", 9.5, 10)
    assert [(each.begin_s, each.end_s) for each in timings.spans][:2] == [(1, 4), (5, 9)]
    assert timings.ours_s(10) == pytest.approx(3)
