"""What a Kubernetes API server refuses, as our errors. Pure.

Source of codes and reasons: k8s.io/apimachinery/pkg/apis/meta/v1 StatusReason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    TimedOutError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.kube.resources import Resource

_LONGEST: Final = 500
_DEFAULT_RETRY_S: Final = 1.0


class ConflictError(PreconditionError):
    """The object has changed, or somebody else owns a field: read it again and decide anew."""


class GoneError(PreconditionError):
    """The server forgot the version that a watch or list wants to go on from: list again."""


class NotReadyError(PreconditionError):
    """The container has not started, so there is no log yet."""


class TooLargeError(InvalidError):
    """The request is larger than the server takes (about 1.5 MB for one object)."""


class ThrottledError(UnavailableError):
    """The server has too much to do. `retry_after_s` is when it wants to be asked again."""

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 1.0) -> None:
        """Keep how long to wait."""
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Request(NamedTuple):
    """What was asked for, in RBAC's words."""

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def plural(self) -> str:
        """The resource as a rule names it: `pods/log`."""
        sub = f"/{self.subresource}" if self.subresource else ""
        return f"{self.resource.plural}{sub}"

    def __str__(self) -> str:
        """Render as "patch workflowtasksets/status main in namespace argo"."""
        name = f" {self.name}" if self.name else ""
        if self.resource.namespaced:
            where = f" in namespace {self.namespace}" if self.namespace else " in all namespaces"
        else:
            where = ""
        return f"{self.verb} {self.plural}{name}{where}"


def rules_of(requests: Sequence[Request]) -> str:
    """Return the RBAC rules that would allow all of it, one for each kind of object."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for each in requests:
        known = verbs.setdefault((each.resource.group, each.plural), [])
        known += [] if each.verb in known else [each.verb]
    return ", ".join(
        f'{{apiGroups: ["{group}"], resources: ["{plural}"], verbs: {json.dumps(words)}}}'
        for (group, plural), words in verbs.items()
    )


def where_to_add(requests: Sequence[Request]) -> str:
    """Say into which kind of role each of the missing rules belongs, and how it is bound."""
    places: dict[str, list[Request]] = {}
    for each in requests:
        place = f"a Role in {each.namespace}" if each.namespace else _WIDE
        places.setdefault(place, []).append(each)
    return "; ".join(f"add to {place}: {rules_of(each)}" for place, each in places.items())


def error_of(request: Request, code: int, body: bytes, retry_after: str = "") -> ArgoexecError:
    """Return the error for a reply with status *code*; *retry_after* is the header's value."""
    text, reason = _read(body)
    if code == 409 and reason == "AlreadyExists":
        return AlreadyExistsError(f"{request}: {text}")
    if code == 429:
        seconds = _seconds(retry_after)
        message = f"the API server has too much to do: {request}: {text}"
        return ThrottledError(message, hint="wait, then try again", retry_after_s=seconds)
    if code >= 500:
        return UnavailableError(f"the API server failed ({code}): {request}: {text}", hint=_HEALTH)
    make = _BY_CODE.get(code, _unexpected)
    return make(request, text)


def error_of_status(request: Request, status: dict[str, Any]) -> ArgoexecError:
    """Return the error for an ERROR event of a watch."""
    return error_of(request, int(status.get("code") or 500), json.dumps(status).encode())


def _read(body: bytes) -> tuple[str, str]:
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return _short(str(status.get("message") or "no reason given")), str(status.get("reason"))
    return _short(body.decode(errors="replace") or "no reason given"), ""


def _short(text: str) -> str:
    """Return one line: long texts may hold whole objects."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() else _DEFAULT_RETRY_S


def _denied(request: Request, text: str) -> ArgoexecError:
    return DeniedError(f"may not {request}", hint=where_to_add([request]))


def _not_found(request: Request, text: str) -> ArgoexecError:
    if "could not find the requested resource" in text or "page not found" in text:
        return NotFoundError(
            f"this cluster has no {request.resource.plural} ({request.resource.api_version})",
            hint=f"kubectl api-resources --api-group={request.resource.group}",
        )
    hint = f"kubectl get {request.resource.plural}"
    if request.resource.namespaced:
        hint += f" -n {request.namespace}" if request.namespace else " -A"
    return NotFoundError(f"{request}: {text}", hint=hint)


def _bad_request(request: Request, text: str) -> ArgoexecError:
    if request.subresource == "log" and "waiting to start" in text:
        return NotReadyError(text)
    return InvalidError(f"{request}: {text}")


def _unauthenticated(request: Request, text: str) -> ArgoexecError:
    return UnauthenticatedError(
        "the API server does not accept the credentials", hint="kubectl auth whoami"
    )


def _unexpected(request: Request, text: str) -> ArgoexecError:
    return InvalidError(f"the API server refused to {request}: {text}")


_WIDE: Final = "a ClusterRole that a ClusterRoleBinding gives"
_HEALTH: Final = "kubectl get --raw /readyz"
_BY_CODE: Final[dict[int, Callable[[Request, str], ArgoexecError]]] = {
    400: _bad_request,
    401: _unauthenticated,
    403: _denied,
    404: _not_found,
    405: lambda request, text: UnsupportedError(f"{request}: {text}"),
    408: lambda request, text: TimedOutError(f"{request}: {text}"),
    409: lambda request, text: ConflictError(f"{request}: {text}"),
    410: lambda request, text: GoneError(f"{request}: {text}"),
    413: lambda request, text: TooLargeError(f"{request}: {text}"),
    422: lambda request, text: InvalidError(f"{request}: {text}"),
}
