"""One SSH connection for all that is done on a host, by our commands and by Ansible's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.compute.ansible import Target
from argoexec_cli.compute.ansible.configure import hosts_of
from argoexec_cli.compute.connection import SharedSsh, shared
from argoexec_cli.compute.fleet.ssh import ssh
from argoexec_cli.compute.package import Package
from argoexec_cli.models.connection import Ssh
from tests.engines.availability import need
from tests.engines.sshd import PROGRAMS, SshServer


@pytest.fixture
def sshd(pytestconfig: pytest.Config, short_tmp: Path) -> Iterator[SshServer]:
    """Give an SSH server that runs."""
    need(pytestconfig, *PROGRAMS)
    with SshServer(short_tmp) as running:
        yield running


def is_socket(path: str) -> bool:
    return Path(path).is_socket()


@pytest.mark.slow
async def test_a_host_is_logged_in_to_once(sshd: SshServer) -> None:
    async with shared({"a": sshd.login, "here": None}) as logins:
        assert logins["here"] is None
        login = logins["a"]
        assert isinstance(login, SharedSsh)
        for word in ("one", "two"):
            done = await ssh(login, f"echo {word}", timeout_s=30)
            assert (done.exit_code, done.stdout) == (0, f"{word}\n".encode())
        assert is_socket(login.socket)
        assert sshd.log.read_text().count("Accepted publickey") == 1
    assert not is_socket(login.socket)
    await ssh(sshd.login, "true", timeout_s=30)
    assert sshd.log.read_text().count("Accepted publickey") == 2


def test_ansible_is_told_of_the_connection_and_still_checks_the_host_key() -> None:
    login = SharedSsh(host="10.0.0.1", known_hosts_file="/my known", socket="/tmp/s/0")
    (host,) = hosts_of([Target("a", login, Package(Path("/package.tar"), "id", False))]).values()
    options = host["ansible_ssh_common_args"]
    assert "-o ControlPath=/tmp/s/0 " in options
    assert "-o StrictHostKeyChecking=yes -o 'UserKnownHostsFile=/my known'" in options


async def test_where_a_socket_has_no_room_each_command_logs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ("d" * 100)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("d" * 100)))
    login = Ssh(host="10.0.0.1")
    async with shared({"a": login}) as logins:
        assert logins == {"a": login}
