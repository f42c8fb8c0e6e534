"""Who may call what: a client's role against the least role of each rpc.

A local socket, and a port of this machine without TLS, are guarded by the machine: whoever reaches
them may do everything. Behind TLS only what stands in the table may be called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from argoexec_cli.errors import DeniedError
from argoexec_cli.models.roles import Role, role_of

_EXECUTOR: Final = "/argoexec.v1alpha1.Executor/"
_EXEC: Final = "/argoexec.v1alpha1.Exec/"
_WORKFLOWS: Final = "/argoexec.v1alpha1.Workflows/"
_HEALTH: Final = "/grpc.health.v1.Health/"
_REFLECTION: Final = "/grpc.reflection.v1alpha.ServerReflection/"

LEAST: Final[Mapping[str, Role]] = {
    f"{_EXECUTOR}GetInfo": Role.READ,
    f"{_EXECUTOR}GetPod": Role.READ,
    f"{_EXECUTOR}ListPods": Role.READ,
    f"{_EXECUTOR}WatchPods": Role.READ,
    f"{_EXECUTOR}GetPodLogs": Role.READ,
    f"{_EXECUTOR}RunPod": Role.SUBMIT,
    f"{_EXECUTOR}StopPod": Role.SUBMIT,
    f"{_EXECUTOR}DeletePod": Role.SUBMIT,
    f"{_EXEC}Exec": Role.ADMIN,
    f"{_WORKFLOWS}GetRun": Role.READ,
    f"{_WORKFLOWS}ListRuns": Role.READ,
    f"{_WORKFLOWS}WatchRuns": Role.READ,
    f"{_WORKFLOWS}Submit": Role.SUBMIT,
    f"{_WORKFLOWS}StopRun": Role.SUBMIT,
    f"{_WORKFLOWS}DeleteRun": Role.SUBMIT,
    f"{_HEALTH}Check": Role.READ,
    f"{_HEALTH}Watch": Role.READ,
    f"{_REFLECTION}ServerReflectionInfo": Role.READ,
}
"""The least role of each rpc. What is missing here is denied to every certificate."""


def authorize(peer: Mapping[str, Iterable[bytes]], method: str) -> Role | None:
    """Raise `DeniedError` unless the caller may call *method*; *peer* is gRPC's `auth_context`.

    Returns the role of the caller's certificate; None for one whom this machine vouches for.
    """
    if "x509_pem_cert" not in peer:
        return None
    name = b"".join(peer.get("x509_common_name", ())).decode(errors="replace")
    role = role_of([uri.decode(errors="replace") for uri in peer.get("peer_uri", ())])
    if role is None:
        raise DeniedError(f"the certificate of {name!r} has no role", hint=_NO_ROLE)
    least = LEAST.get(method)
    call = method.rpartition("/")[2]
    if least is None:
        raise DeniedError(f"no role may call {call} from outside", hint="ask on the host itself")
    if role < least:
        raise DeniedError(
            f"{name!r} has the role {role.name.lower()}; {call} needs {least.name.lower()}",
            hint="choose a context with more rights: argoexec context list",
        )
    return role


_NO_ROLE: Final = f"its subjectAltName must hold one of: {', '.join(role.uri for role in Role)}"
