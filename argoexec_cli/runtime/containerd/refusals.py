"""Refusals of the Container Runtime Interface, as our errors.

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
    StartError,
    UnauthenticatedError,
    UnavailableError,
)

_Row = tuple[str, type[ArgoexecError], str]

_FULL: Final[tuple[_Row, ...]] = (
    (
        r"no space left on device|disk quota exceeded",
        CapacityError,
        "free some space: df -h /var/lib/containerd",
    ),
)

PULL: Final[tuple[_Row, ...]] = (
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
    *_FULL,
    (
        r"not found|manifest unknown|name unknown|no match for platform",
        NotFoundError,
        "check the image's name, tag and digest, and that it exists for this machine",
    ),
    (
        r"server gave http response to https",
        UnavailableError,
        "describe the registry in /etc/containerd/certs.d (see the role containerd)",
    ),
)

# Both mean that another call has begun what was asked for, and that trying again is right.
_BUSY: Final[tuple[_Row, ...]] = (
    (r"is reserved for", AlreadyExistsError, "crictl pods; crictl ps --all"),
    (
        r"is (already )?in (starting|removing|container_exited|container_running) state",
        AlreadyExistsError,
        "crictl ps --all",
    ),
)

START: Final[tuple[_Row, ...]] = (
    *_FULL,
    (
        r"cni|no ip addresses available|network plugin|netns",
        UnavailableError,
        "check the host's pod network: ls /etc/cni/net.d",
    ),
    (
        r"sandbox image|registry\.k8s\.io|pause",
        UnavailableError,
        "give the host a sandbox image: ansible-playbook ansible/playbooks/containerd.yml",
    ),
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
        r"oci runtime|failed to create (shim|task)|unable to find user|no users found|runc|crun",
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
_STARTING_UP: Final = re.compile(r"not initialized yet|transport is closing|error reading from ser")


class Refusal(NamedTuple):
    """What came in place of an answer."""

    code: grpc.StatusCode
    message: str


def refused(
    refusal: Refusal, what: str, address: str, rows: tuple[_Row, ...] = _FULL
) -> ArgoexecError:
    """Translate a refusal of *what*, in the form "start container x", by *rows* of causes.

    `AlreadyExistsError`: another call has begun it.
    """
    if refusal.code in _AWAY or _STARTING_UP.search(refusal.message):
        return UnavailableError(
            f"the container runtime at {address} does not answer: {refusal.message}",
            hint="argoexec doctor",
        )
    text = f"cannot {what}: {_innermost(refusal.message)}"
    if known := _match(_BUSY + rows, text, refusal.message):
        return known
    if refusal.code is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(text, hint="crictl ps --all")
    if refusal.code is grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidError(text, hint="argoexec doctor")
    return UnavailableError(text, hint="argoexec doctor")


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


def _match(rows: tuple[_Row, ...], text: str, searched: str) -> ArgoexecError | None:
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
