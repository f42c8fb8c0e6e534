"""TLS on both sides, for real: who is let in, as what, and what whoever is not gets to read."""

from __future__ import annotations

import importlib
import pkgutil
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from argoexec_cli.compute.trust import (
    FleetTrust,
    Validity,
    ensure_client,
    ensure_host,
    open_trust,
    renew,
)
from argoexec_cli.compute.trust.fleet import CERT, KEY
from argoexec_cli.daemon.lease import Lease
from argoexec_cli.daemon.roles import LEAST
from argoexec_cli.daemon.server import Daemon, Doors, serving
from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.models.connection import Endpoint, ServerTls, Tls
from argoexec_cli.models.exec import ExecRequest
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.models.roles import Role
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from argoexec_cli.rpc.exec_client import RemoteExecs
from argoexec_cli.rpc.gen.argoexec import v1alpha1
from tests.daemon.memory import MemoryExecutor, request

PAST = Validity(timedelta(days=1), datetime.now(UTC) - timedelta(days=2))


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> FleetTrust:
    """Give the certificates of a fleet."""
    return open_trust(tmp_path_factory.mktemp("trust"), "lab")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> FleetTrust:
    """Give the certificates of another fleet."""
    return open_trust(tmp_path_factory.mktemp("other"), "other")


def server_tls(trust: FleetTrust, *names: str) -> ServerTls:
    """Return the files of a daemon on this machine, or of one that is called otherwise."""
    host = "-".join(names) or "here"
    directory = ensure_host(trust, host, names or ("127.0.0.1", "localhost"))
    return ServerTls(
        cert=str(directory / CERT), key=str(directory / KEY), client_ca=str(directory / "ca.crt")
    )


@pytest_asyncio.fixture
async def daemon(executor: MemoryExecutor, trust: FleetTrust) -> AsyncIterator[Daemon]:
    """Serve with TLS on a port of this machine."""
    doors = Doors(server_tls(trust))
    async with serving(executor, addresses=("127.0.0.1:0",), doors=doors, drain_s=1) as running:
        yield running


async def contact(daemon: Daemon, tls: Tls | None, host: str = "127.0.0.1") -> str:
    """Connect and return the name that the daemon gives itself."""
    server = f"{host}:{daemon.addresses[0].port}"
    async with connect(Endpoint(server=server, tls=tls)) as connection:
        return connection.info.name


async def refusal(daemon: Daemon, tls: Tls | None, host: str = "127.0.0.1") -> ArgoexecError:
    """Connect in vain; return why."""
    with pytest.raises(ArgoexecError) as caught:
        await contact(daemon, tls, host)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_who_has_a_certificate_of_the_fleet_is_let_in(
    daemon: Daemon, trust: FleetTrust, host: str
) -> None:
    assert await contact(daemon, ensure_client(trust), host) == "memory"


@pytest.mark.parametrize(
    ("listen", "hosts"), [("[::1]:0", ["[::1]"]), ("[::]:0", ["[::1]", "127.0.0.1"])]
)
async def test_on_ipv6(
    executor: MemoryExecutor, trust: FleetTrust, listen: str, hosts: list[str]
) -> None:
    doors = Doors(server_tls(trust, "::1", "127.0.0.1"))
    async with serving(executor, addresses=(listen,), doors=doors, drain_s=1) as running:
        for host in hosts:
            assert await contact(running, ensure_client(trust), host) == "memory"


async def test_no_certificate(daemon: Daemon, trust: FleetTrust) -> None:
    error = await refusal(daemon, Tls(ca=str(trust.authority.cert_path)))
    assert isinstance(error, UnauthenticatedError)
    assert "wants a client certificate, and none is set up here" in error.message


async def test_plain_text_to_a_port_with_tls(daemon: Daemon) -> None:
    error = await refusal(daemon, None)
    assert isinstance(error, UnauthenticatedError)
    assert "speaks TLS only" in error.message


async def test_tls_to_a_port_without(executor: MemoryExecutor, trust: FleetTrust) -> None:
    async with serving(executor, addresses=("127.0.0.1:0",)) as plain:
        error = await refusal(plain, ensure_client(trust))
    assert isinstance(error, UnavailableError)
    assert error.message.endswith("does not speak TLS")


async def test_a_clients_certificate_that_has_expired(
    daemon: Daemon, trust: FleetTrust, tmp_path: Path
) -> None:
    pair = trust.authority.issue_client("late", Role.ADMIN, PAST)
    (tmp_path / "c").write_bytes(pair.cert)
    (tmp_path / "k").write_bytes(pair.key)
    ca = str(trust.authority.cert_path)
    error = await refusal(daemon, Tls(ca=ca, cert=str(tmp_path / "c"), key=str(tmp_path / "k")))
    assert isinstance(error, UnauthenticatedError)
    assert f"the certificate {tmp_path}/c expired on 20" in error.message
    assert "argoexec certs rotate" in error.hint


async def test_a_clients_certificate_of_another_authority(
    daemon: Daemon, trust: FleetTrust, other: FleetTrust
) -> None:
    foreign = ensure_client(other)
    mixed = Tls(ca=str(trust.authority.cert_path), cert=foreign.cert, key=foreign.key)
    error = await refusal(daemon, mixed)
    assert isinstance(error, UnauthenticatedError)
    assert error.message.endswith("it trusts another authority")


async def test_a_daemon_of_another_authority(daemon: Daemon, other: FleetTrust) -> None:
    error = await refusal(daemon, ensure_client(other))
    assert isinstance(error, UnauthenticatedError)
    assert "signed by an authority that is not trusted here" in error.message


async def test_a_daemons_certificate_that_has_expired(
    executor: MemoryExecutor, trust: FleetTrust, tmp_path: Path
) -> None:
    pair = trust.authority.issue_server(["127.0.0.1"], PAST)
    (tmp_path / "c").write_bytes(pair.cert)
    (tmp_path / "k").write_bytes(pair.key)
    ca = str(trust.authority.cert_path)
    doors = Doors(ServerTls(cert=str(tmp_path / "c"), key=str(tmp_path / "k"), client_ca=ca))
    async with serving(executor, addresses=("127.0.0.1:0",), doors=doors) as late:
        error = await refusal(late, ensure_client(trust))
    assert isinstance(error, UnauthenticatedError)
    assert error.message.endswith("has expired")


async def test_a_daemon_of_another_name(executor: MemoryExecutor, trust: FleetTrust) -> None:
    doors = Doors(server_tls(trust, "elsewhere.example"))
    client = ensure_client(trust)
    async with serving(executor, addresses=("127.0.0.1:0",), doors=doors) as daemon:
        error = await refusal(daemon, client)
        named = ensure_client(trust, server_name="elsewhere.example")
        assert await contact(daemon, named) == "memory"
    assert isinstance(error, UnauthenticatedError)
    assert error.message.endswith("is for another name than 127.0.0.1")


async def test_nobody_listens(trust: FleetTrust) -> None:
    server = "127.0.0.1:1"
    with pytest.raises(UnavailableError, match=f"no daemon answers at {server}"):
        async with connect(Endpoint(server=server, tls=ensure_client(trust))):
            pass


async def test_files_that_are_not_there_or_no_pair(trust: FleetTrust) -> None:
    with pytest.raises(NotFoundError, match="/none: no such file"):
        async with connect(Endpoint(server="127.0.0.1:1", tls=Tls(ca="/none"))):
            pass
    with pytest.raises(InvalidError, match="the key that belongs to /c is not named"):
        async with connect(Endpoint(server="127.0.0.1:1", tls=Tls(cert="/c"))):
            pass


# ---- roles


def test_every_call_of_the_daemon_has_a_least_role() -> None:
    names = [each.name for each in pkgutil.iter_modules(v1alpha1.__path__)]
    modules = [
        importlib.import_module(f"{v1alpha1.__name__}.{name}")
        for name in names
        if name.endswith("_pb2")
    ]
    files = [*(module.DESCRIPTOR for module in modules), health_pb2.DESCRIPTOR]
    files.append(reflection_pb2.DESCRIPTOR)
    every = {
        f"/{service.full_name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }
    # Not offered by this daemon's health service, in whatever version of it.
    assert every - set(LEAST) <= {"/grpc.health.v1.Health/List"}
    assert set(LEAST) <= every


@pytest.mark.parametrize("role", Role)
async def test_a_role_may_call_what_it_may(
    daemon: Daemon, executor: MemoryExecutor, trust: FleetTrust, role: Role
) -> None:
    server = str(daemon.addresses[0])
    client = ensure_client(trust, role)
    async with connect(Endpoint(server=server, tls=client)) as connection:
        remote = RemoteExecutor(connection)
        await remote.list_pods(PodQuery())
        stub: Any = health_pb2_grpc.HealthStub(connection.channel)
        await stub.Check(health_pb2.HealthCheckRequest(service=""))
        if role >= Role.SUBMIT:
            await remote.run_pod(request())
            return
        with pytest.raises(DeniedError, match="RunPod needs submit") as caught:
            await remote.run_pod(request())
        assert "'argoexec read' has the role read" in caught.value.message
        with pytest.raises(DeniedError, match="StopPod needs submit"):
            await remote.stop_pod(PodRef(namespace="default", name="x"))


@pytest.mark.parametrize("role", Role)
async def test_only_an_admin_enters_containers(
    daemon: Daemon, trust: FleetTrust, role: Role
) -> None:
    client = ensure_client(trust, role)
    wanted = ExecRequest(ref=PodRef(namespace="default", name="x"), command=("id",))
    async with connect(Endpoint(server=str(daemon.addresses[0]), tls=client)) as connection:
        # Whoever is let in hears that this executor has no such power.
        kind = UnsupportedError if role is Role.ADMIN else DeniedError
        with pytest.raises(kind):
            async with RemoteExecs(connection).exec(wanted):
                pass


async def test_a_stream_is_denied_as_a_single_call_is(
    daemon: Daemon, trust: FleetTrust, tmp_path: Path
) -> None:
    pair = trust.authority.issue_server(["nobody"])
    (tmp_path / "c").write_bytes(pair.cert)
    (tmp_path / "k").write_bytes(pair.key)
    ca = str(trust.authority.cert_path)
    error = await refusal(daemon, Tls(ca=ca, cert=str(tmp_path / "c"), key=str(tmp_path / "k")))
    # A server's certificate is none for a client: TLS itself refuses it, or else the missing role.
    assert error.exit_code == DeniedError.exit_code


async def test_a_certificate_without_a_role_may_nothing(
    daemon: Daemon, trust: FleetTrust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Role, "uri", "urn:example:none")
    pair = trust.authority.issue_client("guest", Role.READ)
    monkeypatch.undo()
    (tmp_path / "c").write_bytes(pair.cert)
    (tmp_path / "k").write_bytes(pair.key)
    ca = str(trust.authority.cert_path)
    error = await refusal(daemon, Tls(ca=ca, cert=str(tmp_path / "c"), key=str(tmp_path / "k")))
    assert isinstance(error, DeniedError)
    assert error.message == "the certificate of 'guest' has no role"
    assert "urn:argoexec:role:submit" in error.hint


async def test_calls_from_outside_renew_the_lease_unless_they_may_only_look(
    executor: MemoryExecutor, trust: FleetTrust, tmp_path: Path
) -> None:
    lease = tmp_path / "renewed"
    doors = Doors(server_tls(trust), lease=Lease(lease))
    async with serving(executor, addresses=("127.0.0.1:0",), doors=doors) as daemon:
        await contact(daemon, ensure_client(trust, Role.READ))
        assert not lease.exists()
        await contact(daemon, ensure_client(trust, Role.SUBMIT))
        assert lease.exists()


# ---- the daemon's files


async def test_new_certificates_are_used_without_a_restart(
    executor: MemoryExecutor, tmp_path: Path
) -> None:
    trust = open_trust(tmp_path / "trust", "lab")
    doors = Doors(server_tls(trust))
    async with serving(executor, addresses=("127.0.0.1:0",), doors=doors) as daemon:
        before = await contact(daemon, ensure_client(trust))
        old = served_certificate(daemon)
        renew(trust)
        assert await contact(daemon, ensure_client(trust)) == before
        assert served_certificate(daemon) != old


async def test_files_that_do_not_fit_are_left_unused_until_they_do(
    executor: MemoryExecutor, tmp_path: Path
) -> None:
    trust = open_trust(tmp_path / "trust", "lab")
    tls = server_tls(trust)
    async with serving(executor, addresses=("127.0.0.1:0",), doors=Doors(tls)) as daemon:
        old = served_certificate(daemon)
        pair = trust.authority.issue_server(["127.0.0.1"])
        overwrite(tls.key, pair.key)
        assert served_certificate(daemon) == old
        assert await contact(daemon, ensure_client(trust)) == "memory"
        overwrite(tls.cert, pair.cert)
        assert served_certificate(daemon) == pair.cert.decode()


async def test_a_new_authority_lets_only_its_own_clients_in(
    executor: MemoryExecutor, other: FleetTrust, tmp_path: Path
) -> None:
    trust = open_trust(tmp_path / "trust", "lab")
    tls = server_tls(trust)
    async with serving(executor, addresses=("127.0.0.1:0",), doors=Doors(tls)) as daemon:
        overwrite(tls.client_ca, other.authority.cert_path.read_bytes())
        error = await refusal(daemon, ensure_client(trust))
    assert error.message.endswith("it trusts another authority")


async def test_a_key_of_another_certificate_is_refused_at_the_start(
    executor: MemoryExecutor, trust: FleetTrust
) -> None:
    tls = server_tls(trust)
    wrong = ServerTls(cert=tls.cert, key=ensure_client(trust).key, client_ca=tls.client_ca)
    with pytest.raises(InvalidError, match="cannot be used: KEY_VALUES_MISMATCH") as caught:
        async with serving(executor, addresses=("127.0.0.1:0",), doors=Doors(wrong)):
            pass
    assert "PRIVATE" not in caught.value.message


async def test_an_open_address_wants_tls_or_leave(
    executor: MemoryExecutor, trust: FleetTrust
) -> None:
    with pytest.raises(PreconditionError, match="can be reached from other machines") as caught:
        async with serving(executor, addresses=("0.0.0.0:0",)):
            pass
    assert "--tls-client-ca" in caught.value.hint
    doors = Doors(server_tls(trust))
    async with serving(executor, addresses=("0.0.0.0:0",), doors=doors) as daemon:
        assert await contact(daemon, ensure_client(trust)) == "memory"


async def test_the_local_socket_needs_no_certificate_beside_tls(
    executor: MemoryExecutor, trust: FleetTrust, address: str
) -> None:
    doors = Doors(server_tls(trust))
    async with (
        serving(executor, addresses=(address, "127.0.0.1:0"), doors=doors),
        connect(address) as connection,
    ):
        await RemoteExecutor(connection).run_pod(request())


def overwrite(path: str, data: bytes) -> None:
    """Write in place, as careless tools do."""
    Path(path).write_bytes(data)


def served_certificate(daemon: Daemon) -> str:
    """Return the certificate that the daemon shows now."""
    return ssl.get_server_certificate(("127.0.0.1", daemon.addresses[0].port))
