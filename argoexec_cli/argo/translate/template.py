"""Argo's Template as it is handed over: the fields that mean something to a delegated task.

What only Argo's controller acts on (retryStrategy, memoize, synchronization, metrics, …) and what
steers a cluster's scheduler (affinity, tolerations, …) is not read: it has been done, or has no
meaning elsewhere. What would change what the task does and cannot be had is refused by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.workflow import Scalar, any_string

PLUGIN: Final = "argoexec"
"""The key below `plugin:` that makes a template ours."""

_UNRESOLVED: Final = re.compile(
    r"\{\{(=|\s*(inputs|outputs|steps|tasks|workflow|pod|node|item|retries|lastRetry)\b)[^}]*\}\}"
)
_REFUSED: Final = ("podSpecPatch", "resourceClaims", "podResources", "containerSet")


class _Read(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Part of an object that others write: fields that are not listed are theirs."""


class ValueFrom(_Read, frozen=True):
    """Where a parameter's value comes from. Source: Argo's ValueFrom."""

    path: str = ""
    default: Scalar | None = None
    expression: str = ""
    supplied: dict[str, Any] | None = None


class Parameter(_Read, frozen=True):
    """Source: Argo's Parameter."""

    name: str
    value: Scalar | None = None
    value_from: ValueFrom | None = None
    global_name: str = ""


class Raw(_Read, frozen=True):
    """Source: Argo's RawArtifact."""

    data: str = ""


class Artifact(_Read, frozen=True):
    """Source: Argo's Artifact."""

    name: str
    path: str = ""
    mode: int | None = None
    optional: bool = False
    raw: Raw | None = None


class Ports(_Read, frozen=True):
    """Inputs or outputs of a template."""

    parameters: tuple[Parameter, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


class Metadata(_Read, frozen=True):
    """Labels and annotations for the pod."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Template(_Read, frozen=True):
    """Source: Argo's Template, after substitution."""

    name: str = ""
    inputs: Ports = Ports()
    outputs: Ports = Ports()
    metadata: Metadata = Metadata()
    node_selector: dict[str, str] = {}
    timeout: str = ""
    active_deadline_seconds: int | str | None = None
    volumes: tuple[dict[str, Any], ...] = ()
    init_containers: tuple[dict[str, Any], ...] = ()
    sidecars: tuple[dict[str, Any], ...] = ()
    host_aliases: tuple[dict[str, Any], ...] = ()
    security_context: dict[str, Any] | None = None
    daemon: bool | None = None
    plugin: dict[str, Any] | None = None
    http: dict[str, Any] | None = None


def is_ours(template: dict[str, Any]) -> bool:
    """Whether the template is `plugin: {argoexec: …}`. Any other is left to whoever owns it."""
    plugin = template.get("plugin")
    return isinstance(plugin, dict) and PLUGIN in plugin


def read_template(template: dict[str, Any]) -> Template:
    """Return what is read of a template of ours.

    `FieldError` has the path of what is wrong, or of a tag of Argo's that nobody has replaced.
    """
    for name in _REFUSED:
        if template.get(name):
            raise UnknownFieldError(name)
    if template.get("daemon"):
        raise UnknownFieldError("daemon", hint="a delegated task has no address to wait for")
    for path, text in _texts(template.get("plugin"), f"plugin.{PLUGIN}".rpartition(".")[0]):
        if found := _UNRESOLVED.search(text):
            raise FieldError(
                path,
                f"{found[0][:100]} was not replaced",
                hint="Argo knows no such variable in a plugin template",
            )
    try:
        return msgspec.convert(template, Template)
    except msgspec.ValidationError as exc:
        problem, _, at = str(exc).partition(" - at `$")
        raise FieldError(at.rstrip("`").removeprefix("."), problem) from exc


def value_text(value: Scalar) -> str:
    """Return a parameter's value as Argo would write it."""
    return any_string(value)


def prefixed(error: InvalidError, prefix: str) -> InvalidError:
    """Return *error* with its path below *prefix*."""
    if isinstance(error, UnknownFieldError):
        return UnknownFieldError(f"{prefix}.{error.path}", hint=error.hint)
    if isinstance(error, FieldError) and error.path:
        problem = error.message.removeprefix(f"{error.path}: ")
        return FieldError(f"{prefix}.{error.path}", problem, hint=error.hint)
    return FieldError(prefix, error.message, hint=error.hint)


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield every string in *value* with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")
