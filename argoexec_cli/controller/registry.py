"""The registry of executors: the ConfigMap `argo-workflows-controller-configmap`, here as a file.

`data.executor` names the default executor; `data.executors` is a YAML document of its own, a map
from name to `{endpoint: …, tls: {ca: …, cert: …, key: …, serverName: …}}`. Pure but for
`read_registry_file`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.controller.documents import Document, read_documents
from argoexec_cli.controller.names import check_label
from argoexec_cli.errors import DeniedError, InvalidError, NotFoundError
from argoexec_cli.models.base import Model
from argoexec_cli.models.connection import Endpoint, Tls

CONFIG_MAP: Final = "argo-workflows-controller-configmap"
NAMESPACE: Final = "argo"
BUILT_IN: Final = ("local", "kubernetes")
"""Executors that every controller has; a registry cannot say otherwise."""

_HOST: Final = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?)"
_HOST_PORT: Final = re.compile(rf"{_HOST}:(?P<port>[0-9]{{1,5}})")
_DNS: Final = re.compile(rf"dns:///{_HOST}(:(?P<port>[0-9]{{1,5}}))?")
_UNIX: Final = re.compile(r"unix://(/[^/\x00-\x1f\x7f]+)+")
_ENDPOINT_HINT: Final = "unix:///run/argoexec.sock, host:port or dns:///name:port"
_MAX_SOCKET_PATH: Final = 107


class Registration(Model):
    """Where one executor answers, and with which files TLS is spoken to it: paths, never keys."""

    endpoint: str
    tls: Tls | None = None


class Registry(Model):
    """The executors by name, and the name of the default one, or ""."""

    default: str = ""
    executors: dict[str, Registration] = msgspec.field(default_factory=dict)

    def endpoint(self, name: str) -> Endpoint:
        """Return how the executor *name* is reached. `NotFoundError`."""
        if name not in self.executors:
            known = ", ".join([*BUILT_IN[:1], *sorted(self.executors)])
            raise NotFoundError(
                f"no executor is registered as {name}",
                hint=f"known: {known}; or: argoexec register {name} --endpoint "
                "unix:///run/argoexec.sock",
            )
        found = self.executors[name]
        return Endpoint(server=found.endpoint, tls=found.tls)


class ConfigMap(NamedTuple):
    """The parts of the manifest that concern executors, and the documents that they are in."""

    document: Document
    data: dict[str, Any]
    executors: Document | None


def check_endpoint(endpoint: str) -> None:
    """Raise `InvalidError` unless *endpoint* is an address that gRPC can dial."""
    match = _HOST_PORT.fullmatch(endpoint) or _DNS.fullmatch(endpoint)
    port = match["port"] if match else None
    path = endpoint.removeprefix("unix://")
    if not match and not _UNIX.fullmatch(endpoint):
        raise InvalidError(f"{endpoint[:100]!r} is not an endpoint", hint=_ENDPOINT_HINT)
    if port is not None and not 0 < int(port) < 65536:
        raise InvalidError(f"{endpoint}: there is no port {port}", hint="ports are 1 to 65535")
    if not match and len(path.encode()) > _MAX_SOCKET_PATH:
        raise InvalidError(
            f"{path}: too long for a unix socket (limit: {_MAX_SOCKET_PATH} bytes)",
            hint="use a socket in a directory with a shorter path",
        )


def check_name(name: str) -> None:
    """Raise `InvalidError` unless an executor may be registered as *name*."""
    if name in BUILT_IN:
        raise InvalidError(
            f"{name} is a built-in executor", hint="choose another name: my-custom-executor"
        )
    check_label(name, "NAME")


def read_registry(text: str | bytes, file: str) -> Registry:
    """Return what the manifest *text* says; an empty text is an empty registry.

    `InvalidError` has file and line, also of a problem in the YAML inside `data.executors`.
    """
    config = parse_config_map(text, file)
    if config is None:
        return Registry()
    default = config.data.get("executor", "")
    if config.executors is None:
        return Registry(default)
    registrations = {}
    for name, value in config.executors.data.items():
        try:
            check_name(name)
            registrations[name] = msgspec.convert(value, _Lenient)
            check_endpoint(registrations[name].endpoint)
        except (InvalidError, msgspec.ValidationError) as exc:
            problem = exc.message if isinstance(exc, InvalidError) else str(exc).partition(" - ")[0]
            config.executors.refuse(name, f"data.executors.{name}: {problem}")
    return Registry(default, {n: Registration(r.endpoint, r.tls) for n, r in registrations.items()})


def read_registry_file(path: Path) -> Registry:
    """Return what the file says; a file that is not there is an empty registry."""
    try:
        return read_registry(path.read_bytes(), str(path))
    except FileNotFoundError:
        return Registry()
    except PermissionError as exc:
        raise DeniedError(f"{path}: may not be read", hint=f"check its mode: ls -l {path}") from exc
    except OSError as exc:
        raise InvalidError(f"{path}: cannot be read: {exc.strerror}") from exc


def parse_config_map(text: str | bytes, file: str) -> ConfigMap | None:
    """Take the manifest apart; None when it is empty."""
    documents = read_documents(text.encode() if isinstance(text, str) else text, file)
    if not documents:
        return None
    document = documents[0]
    if len(documents) > 1:
        problem = f"one document is wanted here, the ConfigMap {CONFIG_MAP}"
        raise InvalidError(f"{file}:{documents[1].line}: {problem}")
    data = document.data
    meta = data.get("metadata", {}) if isinstance(data, dict) else {}
    if not isinstance(data, dict) or data.get("kind") != "ConfigMap":
        document.refuse("kind", f"this is not the ConfigMap {CONFIG_MAP}")
    if not isinstance(meta, dict) or meta.get("name") != CONFIG_MAP:
        document.refuse("metadata.name", f"this is not the ConfigMap {CONFIG_MAP}")
    entries = data.get("data", {})
    if not isinstance(entries, dict):
        document.refuse("data", "data: expected a map")
    for key in ("executor", "executors"):
        if not isinstance(entries.get(key, ""), str):
            document.refuse(f"data.{key}", f"data.{key}: expected text", hint=_text_hint(key))
    return ConfigMap(document, entries, _nested(document, entries.get("executors", "")))


class _Lenient(msgspec.Struct):
    """A registration that may have more fields: those of versions to come are kept, not read."""

    endpoint: str
    tls: Tls | None = None


def _nested(document: Document, text: str) -> Document | None:
    """Parse the YAML inside `data.executors`; its lines are those of the file, as for a block."""
    first = document.line_of("data.executors")
    shifted = "\n" * first + text
    inner = read_documents(shifted.encode(), document.file)
    if not inner:
        return None
    if len(inner) > 1 or not isinstance(inner[0].data, dict):
        document.refuse("data.executors", "data.executors: expected one map of name to endpoint")
    return inner[0]


def _text_hint(key: str) -> str:
    return "write it as a block: executors: |" if key == "executors" else "quote it"
