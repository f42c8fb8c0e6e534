"""Executors that the registry names, reached with the certificates that it names."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from argoexec_cli.cli.executors import Executors
from argoexec_cli.cli.registered import RegistryFile
from argoexec_cli.compute.trust import ensure_client, ensure_host, open_trust, renew
from argoexec_cli.controller.registering import plan_register
from argoexec_cli.controller.registry import Registration
from argoexec_cli.daemon.server import Doors, serving
from argoexec_cli.errors import DeniedError, UnauthenticatedError, UnavailableError
from argoexec_cli.models.connection import ServerTls, Tls
from argoexec_cli.models.record import PodQuery, PodRef
from argoexec_cli.models.roles import Role
from tests.daemon.memory import MemoryExecutor, request


async def test_a_daemon_with_mtls_is_reached_also_after_its_certificates_were_replaced(
    tmp_path: Path,
) -> None:
    trust = open_trust(tmp_path / "trust", "lab")
    files = ensure_host(trust, "edge", ["127.0.0.1"])
    doors = Doors(
        ServerTls(cert=f"{files}/tls.crt", key=f"{files}/tls.key", client_ca=f"{files}/ca.crt")
    )
    registry = tmp_path / "registry.yaml"
    edge = MemoryExecutor()
    async with (
        serving(edge, addresses=("127.0.0.1:0",), doors=doors) as daemon,
        AsyncExitStack() as connections,
    ):
        server = str(daemon.addresses[0])
        known = {
            "edge": Registration(server, ensure_client(trust, Role.SUBMIT)),
            "reader": Registration(server, ensure_client(trust, Role.READ)),
            "blind": Registration(server),
            "gone": Registration(server, Tls(ca=str(tmp_path / "gone.crt"))),
        }
        text: str | None = None
        for name, registration in known.items():
            text = plan_register(text, name, registration)
        registry.write_text(text or "")
        executors = Executors(MemoryExecutor(), RegistryFile(registry), connections, ())
        await executors.resolve("edge").run_pod(request())
        assert len((await executors.resolve("reader").list_pods(PodQuery())).records) == 1
        with pytest.raises(DeniedError, match="has the role read"):
            await executors.resolve("reader").run_pod(request())
        with pytest.raises(UnauthenticatedError, match="speaks TLS only"):
            await executors.resolve("blind").run_pod(request())
        # Not as a pod that is not there, which would end its run.
        with pytest.raises(UnavailableError, match=r"gone\.crt: no such file"):
            await executors.resolve("gone").get_pod(PodRef(name="echo"))
        before = await executors.resolve("edge")._dial()  # type: ignore[attr-defined]
        renew(trust)
        assert len((await executors.resolve("edge").list_pods(PodQuery())).records) == 1
        assert await executors.resolve("edge")._dial() is not before  # type: ignore[attr-defined]
