"""What goes wrong: each has its message, a next step, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compute.fleet.program import Program
from tests.lab.machine import Machine
from tests.lab.network import GATEWAY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]
WANTED = ("--connect", "private", "--allow", f"{GATEWAY}/32", "--yes")


def without_terraform(program: Program, directory: Path, version: str = "") -> Program:
    """Return the program where Terraform is missing, or another version."""
    directory.mkdir()
    tools = Path(program.environment["PATH"].partition(":")[0])
    for tool in ("python", "ansible-playbook"):
        (directory / tool).symlink_to(tools / tool)
    if version:
        script = f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n'
        (directory / "terraform").write_text(script)
        (directory / "terraform").chmod(0o755)
    return Program(program.home, {**program.environment, "PATH": f"{directory}:/usr/bin:/bin"})


def test_terraform_is_missing(aws: Program, tmp_path: Path) -> None:
    ended = without_terraform(aws, tmp_path / "bin")("provision", "one", *WANTED)
    assert ended.code == 2
    assert "error: terraform is not installed" in ended.err
    assert "hint: install it: https://developer.hashicorp.com/terraform/install" in ended.err


def test_terraform_is_too_old(aws: Program, tmp_path: Path) -> None:
    ended = without_terraform(aws, tmp_path / "bin", "0.12.31")("provision", "one", *WANTED)
    assert ended.code == 2
    assert "0.12.31" in ended.err
    assert "hint: " in ended.err


def test_there_are_no_credentials(aws: Program) -> None:
    kept = {name: value for name, value in aws.environment.items() if "_KEY" not in name}
    without = Program(aws.home, {**kept, "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"})
    without.environment = {n: v for n, v in without.environment.items() if "_KEY" not in n}
    ended = without("provision", "two", *WANTED)
    assert ended.code == 6
    assert "error: credentials: there are no AWS credentials" in ended.err
    assert "hint: set AWS_PROFILE, or run: aws configure" in ended.err


def test_the_image_does_not_exist(aws: Program) -> None:
    ended = aws("provision", "four", "--ami", "ami-0123456789abcdef0", *WANTED)
    assert ended.code == 3
    assert "error: image: the image does not exist in this region" in ended.err


def test_ssh_refuses_the_login(aws: Program, machines: list[Machine], tmp_path: Path) -> None:
    from argoexec_cli.compute.fleet.ssh import ensure_key

    ensure_key(tmp_path / "stranger")
    host = f"admin@{machines[0].address}"
    wanted = ["provision", "six", "--host", host, "--identity", str(tmp_path / "stranger"), "--yes"]
    ended = aws(*wanted)
    assert ended.code == 6
    assert f"{machines[0].address} refuses the SSH login" in ended.err
    assert f"hint: try it by hand: ssh -i {tmp_path}/stranger -o UserKnownHostsFile" in ended.err


def test_the_host_key_is_another_one(aws: Program, machines: list[Machine], key: Path) -> None:
    known = aws.home / "fleets/six/ssh/known_hosts"
    other = ensure_public(aws.home / "other")
    known.write_text(f"{machines[0].address} {other}\n")
    ended = aws("provision", "six", "--yes")
    assert ended.code == 6
    assert f"the SSH host key of {machines[0].address} has changed" in ended.err
    assert "hint: if it was rebuilt on purpose: ssh-keygen -R" in ended.err


def ensure_public(path: Path) -> str:
    """Return a public key that no machine has."""
    from argoexec_cli.compute.fleet.ssh import ensure_key

    return ensure_key(path)


def test_the_package_mirror_is_down(aws: Program, machines: list[Machine], key: Path) -> None:
    sources = machines[1].root / "etc/apt/sources.list"
    before = sources.read_text()
    sources.write_text("deb http://127.0.0.1:9/debian bookworm main\n")
    host = f"admin@{machines[1].address}"
    ended = aws("provision", "seven", "--host", host, "--identity", str(key), "--yes")
    sources.write_text(before)
    assert ended.code == 5
    assert "seven/0: its package mirror does not deliver" in ended.err
    assert "hint: on the host: apt-get update" in ended.err
