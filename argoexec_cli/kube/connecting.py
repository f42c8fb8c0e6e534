"""From a kubeconfig to a client: contexts, certificates, tokens, exec plugins, in-cluster.

lightkube reads the file and knows the ways to log in. Secrets of the file never touch a disk.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from argoexec_cli.errors import InvalidError, NotFoundError, PreconditionError
from argoexec_cli.kube.way import Way, read_way

if TYPE_CHECKING:
    import httpx2
    from lightkube.config.kubeconfig import SingleConfig

    from argoexec_cli.kube.client import KubeClient

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_V1: Final = "client.authentication.k8s.io/v1"
_EXEC_V1BETA1: Final = "client.authentication.k8s.io/v1beta1"
_TIMEOUT_S: Final = 15.0
_PATHS: Final = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}


class Cluster(NamedTuple):
    """An open connection: the client, the namespace that the context names, and what to call it."""

    client: KubeClient
    namespace: str
    name: str
    server: str


@asynccontextmanager
async def open_cluster(files: Sequence[Path], context: str = "") -> AsyncIterator[Cluster]:
    """Connect to the cluster of *context* (default: the current one) in the kubeconfig *files*.

    Without files it is the cluster that this process runs in. `NotFoundError` for a context that
    does not exist, `InvalidError` for a file that cannot be understood. Nothing is sent yet.
    """
    import httpx2
    from lightkube.config.client_adapter import user_auth
    from lightkube.core.exceptions import ConfigError

    from argoexec_cli.kube.client import KubeClient

    config, way = _select(files, context)
    verify = _tls(config)
    try:
        auth = user_auth(config.user)
        async with httpx2.AsyncClient(
            base_url=config.cluster.server,
            verify=verify,
            auth=auth,
            timeout=_TIMEOUT_S,
            proxy=way.proxy or None,
            event_hooks={"request": [_naming(way.server_name)]} if way.server_name else {},
        ) as http:
            yield Cluster(
                KubeClient(http), config.namespace, config.context_name, config.cluster.server
            )
    except ConfigError as exc:
        raise PreconditionError(f"cannot log in to the cluster: {exc}", hint=_WHOAMI) from exc
    except FileNotFoundError as exc:
        user_exec = config.user.exec if config.user else None
        if user_exec is None or exc.filename != user_exec.command:
            raise
        message = f"{exc.filename} is not installed; the kubeconfig wants it to log in"
        raise PreconditionError(message, hint=user_exec.installHint or "") from exc


_WHOAMI: Final = "kubectl auth whoami"


def in_cluster() -> bool:
    """Tell whether this process runs in a pod with a service account."""
    return (_ACCOUNT / "token").exists()


def _naming(server_name: str) -> Callable[[httpx2.Request], Awaitable[None]]:
    async def name(request: httpx2.Request) -> None:
        request.extensions["sni_hostname"] = server_name

    return name


def _select(files: Sequence[Path], context: str) -> tuple[SingleConfig, Way]:
    from lightkube.config.kubeconfig import KubeConfig
    from lightkube.core.exceptions import ConfigError

    way = Way()
    try:
        if files:
            merged = _merge(files)
            config = KubeConfig.from_dict(merged, fname=files[0]).get(context or None)
            if config is not None:
                way = read_way(merged, config.context_name)
        else:
            config = KubeConfig.from_service_account(_ACCOUNT).get(context or None)
    except ConfigError as exc:
        where = str(files[0]) if files else "this pod's service account"
        raise NotFoundError(f"{where}: {exc}", hint="kubectl config get-contexts") from exc
    except (KeyError, TypeError, ValueError) as exc:
        where = str(files[0]) if files else "the environment of this pod"
        problem = f"{exc.args[0]} is missing" if isinstance(exc, KeyError) else str(exc)
        raise InvalidError(f"{where}: {problem}", hint="kubectl config view") from exc
    assert config is not None  # noqa: S101 - get() without a default returns or raises
    return _with_exec(config), way


def _merge(files: Sequence[Path]) -> dict[str, Any]:
    """Put the files together as kubectl does: whoever says something first wins."""
    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        config = _read(file)
        merged.setdefault("current-context", config.get("current-context") or None)
        if not merged["current-context"]:
            del merged["current-context"]
        for kind in ("clusters", "contexts", "users"):
            known = {each["name"] for each in merged[kind]}
            merged[kind] += [each for each in config.get(kind) or [] if each["name"] not in known]
    return merged


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        config = yaml.safe_load(file.read_text())
    except yaml.YAMLError as exc:
        raise InvalidError(f"{file}: not YAML: {str(exc).partition(chr(10))[0]}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
        raise InvalidError(f"{file}: {reason}", hint=f"ls -l {file}") from exc
    if not isinstance(config, dict):
        raise InvalidError(f"{file}: not a kubeconfig", hint="kubectl config view")
    for kind, (inner, names) in _PATHS.items():
        for each in config.get(kind) or []:
            for name in names:
                if path := (each.get(inner) or {}).get(name):
                    each[inner][name] = str(file.parent / path)
    return config


def _with_exec(config: SingleConfig) -> SingleConfig:
    """Let exec plugins of version v1 work: they differ from v1beta1 in what they are told only."""
    from lightkube.config.models import NameValue

    user = config.user
    if user is None or user.exec is None:
        return config
    version = user.exec.apiVersion
    told = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    user.exec.env = [
        *(user.exec.env or []),
        NameValue(name="KUBERNETES_EXEC_INFO", value=json.dumps(told)),
    ]
    if version == _EXEC_V1:
        user.exec.apiVersion = _EXEC_V1BETA1
    return config


def _tls(config: SingleConfig) -> ssl.SSLContext:
    cluster, user = config.cluster, config.user
    try:
        authority = cluster.certificate_auth_data
        context = ssl.create_default_context(
            cafile=cluster.certificate_auth,
            cadata=base64.b64decode(authority).decode() if authority else None,
        )
        if cluster.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if user and (user.client_cert or user.client_cert_data):
            chain = _pem(user.client_cert, user.client_cert_data)
            _load(context, chain + b"\n" + _pem(user.client_key, user.client_key_data))
    except (OSError, ValueError) as exc:
        problem = f"context {config.context_name}: the certificates cannot be used: {exc}"
        raise InvalidError(problem, hint="kubectl config view") from exc
    return context


def _pem(path: str | None, data: str | None) -> bytes:
    return base64.b64decode(data) if data else Path(path or "").read_bytes()


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Load certificate and key by a file that is in memory only; `ssl` takes nothing but files."""
    descriptor = os.memfd_create("argoexec-kube")
    try:
        os.write(descriptor, pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
