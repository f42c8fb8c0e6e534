"""Refusals of containerd, as our errors.

Its status codes say little: most causes come as UNKNOWN and differ only by words, which containerd
passes on from registries, from runc and from crun. What no row knows keeps the runtime's own
message.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import grpc

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    StartError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)

Row = tuple[str, type[ArgoexecError], str]

FULL: Final[tuple[Row, ...]] = (
    (
        r"no space left on device|disk quota exceeded",
        CapacityError,
        "free some space: df -h /var/lib/containerd",
    ),
)

PULL: Final[tuple[Row, ...]] = (
    (
        r"invalid reference|failed to parse image|repository name must|invalid tag",
        InvalidError,
        "write the image as [registry/]name[:tag][@sha256:digest]",
    ),
    (
        r"authorization failed|unauthorized|no basic auth|authentication required",
        UnauthenticatedError,
        "give credentials for this registry, by imagePullSecrets or in the host's configuration",
    ),
    (
        r"forbidden|access denied|denied:",
        DeniedError,
        "check the image's name and who may pull it",
    ),
    *FULL,
    (
        r"not found|manifest unknown|name unknown|no match for platform|no such host",
        NotFoundError,
        "check the image's name, tag and digest, and that it exists for this machine",
    ),
    (
        r"server gave http response to https",
        UnavailableError,
        "describe the registry in /etc/containerd/certs.d (see the role containerd)",
    ),
)

START: Final[tuple[Row, ...]] = (
    *FULL,
    (
        # containerd is still undoing a start whose caller went away.
        r"failed to start shim: .*(file exists|getwd: no such file)"
        r"|mkdir \S+/io\.containerd\.runtime\.v2\.task/\S+: file exists",
        AlreadyExistsError,
        "ctr --namespace k8s.io containers list",
    ),
    # The command has no part in it.
    (r"failed to start shim", UnavailableError, "argoexec doctor"),
    (
        r"cannot allocate memory|resource temporarily unavailable",
        CapacityError,
        "run fewer containers at once",
    ),
    (
        r"executable file .*not found|no such file or directory",
        StartError,
        "check the command: it must exist in the image",
    ),
    (
        r"permission denied|is a directory|exec format error",
        StartError,
        "check the command: it must be an executable file for this machine",
    ),
    (
        r"oci runtime|failed to create (shim|task)|runc|crun",
        StartError,
        "check the container's command, user, mounts and limits",
    ),
)

_AWAY: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        # What a runtime that is shutting down says to calls that it was answering.
        grpc.StatusCode.CANCELLED,
    }
)
_CODES: Final[dict[grpc.StatusCode, tuple[type[ArgoexecError], str]]] = {
    grpc.StatusCode.NOT_FOUND: (NotFoundError, "ctr --namespace k8s.io containers list"),
    grpc.StatusCode.ALREADY_EXISTS: (AlreadyExistsError, "ctr --namespace k8s.io containers list"),
    grpc.StatusCode.FAILED_PRECONDITION: (PreconditionError, "ctr --namespace k8s.io tasks list"),
    grpc.StatusCode.INVALID_ARGUMENT: (InvalidError, "argoexec doctor"),
    grpc.StatusCode.UNIMPLEMENTED: (UnsupportedError, "install containerd 1.6 or newer"),
}
_STARTING_UP: Final = re.compile(
    r"not initialized yet|transport is closing|error reading from ser|ttrpc: closed"
)


class Refusal(NamedTuple):
    """What came in place of an answer."""

    code: grpc.StatusCode
    message: str


def refused(refusal: Refusal, what: str, address: str, rows: tuple[Row, ...] = ()) -> ArgoexecError:
    """Translate a refusal of *what*, in the form "start container x": by its code, where that says
    something, and by *rows* of causes.
    """
    if refusal.code in _AWAY or _STARTING_UP.search(refusal.message):
        return UnavailableError(
            f"containerd at {address} does not answer: {refusal.message}",
            hint="argoexec doctor",
        )
    text = f"cannot {what}: {_innermost(refusal.message)}"
    if refusal.code in _CODES:
        kind, hint = _CODES[refusal.code]
        return kind(text, hint=hint)
    return _match(rows, text, refusal.message) or UnavailableError(text, hint="argoexec doctor")


def pull_refused(refusal: Refusal, image: str, address: str) -> ArgoexecError:
    """Translate why an image could not be pulled.

    What no row knows is the registry's or network's fault.
    """
    text = f"cannot pull {image}: {refusal.message}"
    if _is_away(refusal):
        return refused(refusal, f"pull {image}", address)
    fallback = UnavailableError(text, hint="check the network and the registry, then try again")
    return _match(PULL, text, refusal.message) or fallback


def _is_away(refusal: Refusal) -> bool:
    """Tell an absent runtime from an absent registry, which may have the same code."""
    return "failed to connect to all addresses" in refusal.message or bool(
        _STARTING_UP.search(refusal.message)
    )


def _match(rows: tuple[Row, ...], text: str, searched: str) -> ArgoexecError | None:
    words = searched.lower()
    for pattern, kind, hint in rows:
        if re.search(pattern, words):
            return kind(text, hint=hint)
    return None


def _innermost(message: str) -> str:
    """Keep of the chain of causes the last, which is the one that a user can act on."""
    message = re.sub(r": unknown\b", "", message)
    tail = re.split(r"(?:starting|start) container process(?: caused)?: ", message)[-1]
    return re.split(r"(?:runc|crun|OCI runtime) (?:create|start) failed: ", tail)[-1]
