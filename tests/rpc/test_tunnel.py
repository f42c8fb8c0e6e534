"""A daemon behind SSH: a real server, a real `ssh`, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from argoexec_cli.compute.trust import FleetTrust, ensure_client, ensure_host, open_trust
from argoexec_cli.daemon.server import Doors, serving
from argoexec_cli.errors import (
    DeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.models.connection import Endpoint, ServerTls, Ssh
from argoexec_cli.models.record import PodQuery
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.daemon.memory import MemoryExecutor
from tests.engines.availability import need
from tests.engines.sshd import PROGRAMS, SshServer, make_key


@pytest.fixture
def sshd(pytestconfig: pytest.Config, short_tmp: Path) -> Iterator[SshServer]:
    """Give an SSH server that runs."""
    need(pytestconfig, *PROGRAMS)
    with SshServer(short_tmp) as running:
        yield running


def through(ssh: Ssh, server: str) -> Endpoint:
    """Return the way to *server* through SSH."""
    return Endpoint(server=server, via="ssh", ssh=ssh)


def ssh_processes(place: Path) -> list[str]:
    """Return the `ssh` children that use keys below *place*."""
    argv = ["pgrep", "-f", f"^ssh .*{place}"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()


async def test_a_socket_and_a_port_are_reached_and_nothing_is_left(
    sshd: SshServer, short_tmp: Path
) -> None:
    executor = MemoryExecutor()
    addresses = (f"unix://{short_tmp}/d.sock", "127.0.0.1:0")
    async with serving(executor, addresses=addresses) as daemon:
        for address in map(str, daemon.addresses):
            async with connect(through(sshd.login, address)) as connection:
                assert connection.address == f"{address} via 127.0.0.1"
                assert (await RemoteExecutor(connection).list_pods(PodQuery())).records == ()
                assert ssh_processes(short_tmp)
            assert not ssh_processes(short_tmp)


async def test_mtls_goes_through_and_checks_the_name_of_the_host(
    sshd: SshServer, short_tmp: Path
) -> None:
    trust = open_trust(short_tmp / "trust", "lab")
    async with serving(
        MemoryExecutor(), addresses=("127.0.0.1:0",), doors=Doors(_server_tls(trust, "lab-0"))
    ) as daemon:
        server = str(daemon.addresses[0])
        tls = ensure_client(trust, server_name="lab-0")
        carried = Endpoint(server=server, tls=tls, via="ssh", ssh=sshd.login)
        async with connect(carried) as connection:
            assert connection.info.name == "memory"
        unnamed = Endpoint(server=server, tls=ensure_client(trust), via="ssh", ssh=sshd.login)
        with pytest.raises(UnauthenticatedError, match=r"for another name than 127\.0\.0\.1"):
            async with connect(unnamed):
                pass
        with pytest.raises(UnauthenticatedError, match="speaks TLS only"):
            async with connect(through(sshd.login, server)):
                pass


def _server_tls(trust: FleetTrust, name: str) -> ServerTls:
    files = ensure_host(trust, name, [name])
    return ServerTls(cert=f"{files}/tls.crt", key=f"{files}/tls.key", client_ca=f"{files}/ca.crt")


async def test_no_daemon_behind_it(sshd: SshServer) -> None:
    server = "127.0.0.1:1"
    with pytest.raises(UnavailableError) as caught:
        async with connect(through(sshd.login, server)):
            pass
    assert (
        caught.value.message == f"no daemon answers at {server} via 127.0.0.1 (connection refused)"
    )
    with pytest.raises(UnavailableError, match="no daemon answers at unix:///none/s via"):
        async with connect(through(sshd.login, "unix:///none/s")):
            pass


async def test_a_server_that_is_off(sshd: SshServer) -> None:
    sshd.stop()
    with pytest.raises(UnavailableError, match=r"no way to 127\.0\.0\.1 over SSH: .*refused"):
        async with connect(through(sshd.login, "127.0.0.1:1")):
            pass


async def test_a_key_that_it_does_not_know(sshd: SshServer, short_tmp: Path) -> None:
    make_key(short_tmp / "stranger")
    login = Ssh(
        host="127.0.0.1",
        user=sshd.login.user,
        port=sshd.port,
        identity_file=str(short_tmp / "stranger"),
        known_hosts_file=str(sshd.known_hosts),
    )
    with pytest.raises(DeniedError, match=r"refuses the SSH login: .*Permission denied") as caught:
        async with connect(through(login, "127.0.0.1:1")):
            pass
    assert caught.value.hint.startswith(f"try it by hand: ssh -p {sshd.port} -i {short_tmp}")


def open_to_others(sshd: SshServer, key: Path) -> None:
    """Have everybody be able to read the key that the server knows."""
    shutil.copy(sshd.identity, key)
    key.chmod(0o644)


def public(sshd: SshServer, key: Path) -> None:
    """Make a file with the wrong half of that key."""
    shutil.copy(sshd.identity.with_suffix(".pub"), key)
    key.chmod(0o600)


def locked(_: SshServer, key: Path, form: str) -> None:
    """Make a key with a passphrase."""
    argv = ["ssh-keygen", "-q", "-t", "ecdsa", "-m", form, "-N", "secret", "-f", str(key)]
    subprocess.run(argv, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (open_to_others, "ssh does not take the key KEY: bad permissions", "chmod 600 KEY"),
        (public, "ssh does not take the key KEY: ", "name the private key; what this file is: "),
        (partial(locked, form="RFC4716"), "127.0.0.1 refuses the SSH login", "ssh-add KEY"),
        (partial(locked, form="PEM"), "127.0.0.1 refuses the SSH login", "ssh-add KEY"),
    ],
)
async def test_a_key_that_ssh_leaves_out(
    make: Callable[[SshServer, Path], None],
    message: str,
    hint: str,
    sshd: SshServer,
    short_tmp: Path,
) -> None:
    key = short_tmp / "key"
    make(sshd, key)
    login = msgspec.structs.replace(sshd.login, identity_file=str(key))
    with pytest.raises(DeniedError) as caught:
        async with connect(through(login, "127.0.0.1:1")):
            pass
    assert caught.value.message.startswith(message.replace("KEY", str(key)))
    assert hint.replace("KEY", str(key)) in caught.value.hint


async def test_a_host_key_that_has_changed(sshd: SshServer) -> None:
    sshd.stop()
    sshd.renew_host_key()
    sshd.start()
    changed = r"host key of 127\.0\.0\.1 has changed"
    with pytest.raises(UnauthenticatedError, match=changed) as caught:
        async with connect(through(sshd.login, "127.0.0.1:1")):
            pass
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}' -f {sshd.known_hosts}" in caught.value.hint


async def test_a_host_key_that_nobody_knows(sshd: SshServer) -> None:
    sshd.known_hosts.write_text("")
    with pytest.raises(UnauthenticatedError, match=r"host key of 127\.0\.0\.1 is not known here"):
        async with connect(through(sshd.login, "127.0.0.1:1")):
            pass
    assert sshd.known_hosts.read_text() == ""


async def test_a_server_that_forwards_nothing(sshd: SshServer) -> None:
    sshd.stop()
    sshd.start("AllowTcpForwarding no")
    with pytest.raises(UnavailableError, match="administratively prohibited"):
        async with connect(through(sshd.login, "127.0.0.1:1")):
            pass


async def test_no_ssh_here(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(PreconditionError, match="ssh is not installed"):
        async with connect(through(sshd.login, "127.0.0.1:1")):
            pass


async def test_cancelling_ends_ssh(short_tmp: Path) -> None:
    accepted = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        login = Ssh(host="127.0.0.1", port=port, identity_file=str(short_tmp / "none"))

        async def contact() -> None:
            async with connect(through(login, "127.0.0.1:1")):
                pass

        connecting = asyncio.ensure_future(contact())
        await accepted.wait()
        assert ssh_processes(short_tmp)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert not ssh_processes(short_tmp)
