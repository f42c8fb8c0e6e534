"""Docker Engine's refusals, as our errors.

The engine tells most causes apart only by words, which it mostly passes on from registries and from
runc; the tables hold the words as dockerd 20.10 and newer say them. What no row knows keeps the
engine's own message.
"""

from __future__ import annotations

import re
from typing import Final

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
from argoexec_cli.runtime.docker.engine import Answer
from argoexec_cli.runtime.leftovers import left_bundle

_Row = tuple[str, type[ArgoexecError], str]

_FULL: Final[_Row] = (
    r"no space left on device|disk quota exceeded",
    CapacityError,
    "docker system df",
)

_PULL: Final[tuple[_Row, ...]] = (
    (
        r"invalid reference|invalid repository name|repository name must|invalid tag",
        InvalidError,
        "write the image as [registry/]name[:tag][@sha256:digest]",
    ),
    (
        r"no basic auth|unauthorized|authentication required|incorrect username",
        UnauthenticatedError,
        "spec.imagePullSecrets, or docker login REGISTRY as the user of the daemon on its host",
    ),
    (
        r"access denied|access to the resource is denied|forbidden|denied:",
        DeniedError,
        "check the image's name, and who may pull it: spec.imagePullSecrets, docker login REGISTRY",
    ),
    _FULL,
    (
        r"manifest unknown|not found|no such image|name unknown|no matching manifest|no such host",
        NotFoundError,
        "check the image's name, tag and digest, and that it exists for this machine",
    ),
    (
        r"server gave http response to https",
        UnavailableError,
        "add the registry to insecure-registries in /etc/docker/daemon.json",
    ),
)

_START: Final[tuple[_Row, ...]] = (
    _FULL,
    (
        r"port is already allocated|address already in use",
        AlreadyExistsError,
        "choose another hostPort, or see who has it: ss -lntup",
    ),
    (
        r"no available ipv4|address pool|cannot allocate memory|resource temporarily unavailable",
        CapacityError,
        "run fewer containers at once, or give the engine more room",
    ),
    (
        r"executable file not found|no such file or directory",
        StartError,
        "check the command: it must exist in the image",
    ),
    (
        r"permission denied|is a directory|exec format error",
        StartError,
        "check the command: it must be an executable file for this machine",
    ),
    (
        r"oci runtime|failed to create (shim|task)|unable to find user|runc",
        StartError,
        "check the container's command, user, mounts and limits",
    ),
)


def refused(answer: Answer, what: str) -> ArgoexecError:
    """Translate a refusal of any request; *what* was wanted, in the form "start container x"."""
    message = f"cannot {what}: {answer.message}"
    if answer.status == 404:
        return NotFoundError(message, hint="docker ps --all")
    if answer.status < 500:
        return InvalidError(message, hint="argoexec doctor")
    return _match((_FULL,), message) or UnavailableError(message, hint="argoexec doctor")


def pull_refused(message: str, image: str) -> ArgoexecError:
    """Translate why an image could not be pulled.

    What no row knows is the registry's or network's fault.
    """
    text = f"cannot pull {image}: {message}"
    fallback = UnavailableError(text, hint="check the network and the registry, then try again")
    return _match(_PULL, text) or fallback


def start_refused(answer: Answer, what: str = "") -> ArgoexecError:
    """Translate why a created container could not be started.

    Without *what* the message names nothing: it stands in the status of the pod's own container,
    where the engine's name of it would only be in the way.
    """
    wanted = f"start {what}" if what else "start"
    if answer.status == 404:
        return refused(answer, wanted)
    text = f"cannot {wanted}: {_innermost(answer.message)}"
    if left_bundle(answer.message):  # the command has no part in it
        return UnavailableError(text, hint="argoexec doctor")
    return _match(_START, text, searched=answer.message) or refused(answer, wanted)


def _match(rows: tuple[_Row, ...], text: str, searched: str = "") -> ArgoexecError | None:
    words = (searched or text).lower()
    for pattern, kind, hint in rows:
        if re.search(pattern, words):
            return kind(text, hint=hint)
    return None


def _innermost(message: str) -> str:
    """Keep of runc's chain of causes the last, which is the one that a user can act on."""
    message = re.sub(r": unknown\b", "", message)
    return re.split(r"(?:starting|start) container process(?: caused)?: ", message)[-1]
