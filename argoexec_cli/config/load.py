"""Reads the environment and the config file; nothing else in the program does.

Everything here is read anew at each call and nothing is written, so calling twice is harmless.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from argoexec_cli.config.file import load_file
from argoexec_cli.config.server import LOCAL, Choice, choose_server
from argoexec_cli.config.settings import Setting, Settings

__all__ = ["LOCAL", "Choice", "child_environment", "load_settings", "notify_socket", "silence_grpc"]

_DEFAULT: Final = "default"


def notify_socket() -> str:
    """Return where systemd wants to hear that a service has started; empty when it does not.

    An abstract address begins with a zero byte, for which systemd writes `@`.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    return f"\0{address[1:]}" if address.startswith("@") else address


def load_settings(
    choice: Choice | str = "",
    *,
    environ: Mapping[str, str] | None = None,
    superuser: bool | None = None,
) -> Settings:
    """Find out every setting. *choice* is what flags said; a text alone is that of `--server`.

    Raises `InvalidError` for a config file that cannot be understood or a context that it lacks,
    naming file and line.
    """
    flags = Choice(choice) if isinstance(choice, str) else choice
    env = os.environ if environ is None else environ
    root = os.geteuid() == 0 if superuser is None else superuser
    config = _config_path(env)
    file = load_file(Path(config.value))
    data_dir = _data_dir(env, root)
    socket = _socket(env, root, data_dir)
    registry = Path(config.value).parent / "argo-workflows-controller-configmap.yaml"
    server, endpoint = choose_server(flags, _choice(env), file, config.value, socket.value)
    return Settings(
        server=server,
        endpoint=endpoint,
        config=config,
        data_dir=data_dir,
        socket=socket,
        registry=Setting(value=str(registry), origin="beside the config file"),
        docker_host=_variable(env, "DOCKER_HOST", ""),
        containerd_host=_variable(env, "CONTAINER_RUNTIME_ENDPOINT", ""),
        kubeconfig=_kubeconfig(env),
        docker_config=_docker_config(env),
        aws_profile=_variable(env, "AWS_PROFILE", ""),
        aws_region=_region(env),
        aws_endpoint_url=_variable(env, "AWS_ENDPOINT_URL", ""),
        contexts=file.contexts,
        current_context=file.current_context,
        serve=file.serve,
        no_color=bool(env.get("NO_COLOR")),
        superuser=root,
    )


def silence_grpc() -> None:
    """Keep gRPC's own lines about failed handshakes off stderr; errors say it in our words.

    Must come before gRPC is imported. Who has set GRPC_VERBOSITY still hears them.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def child_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment with *extra* on top, for a child process."""
    return {**os.environ, **extra}


def _choice(env: Mapping[str, str]) -> Choice:
    files = {
        f"tls_{part.lower()}": env.get(f"ARGOEXEC_TLS_{part}")
        or _in_memory(env.get(f"ARGOEXEC_TLS_{part}_PEM", ""))
        for part in ("CA", "CERT", "KEY")
    }
    return Choice(server=env.get("ARGOEXEC_SERVER", ""), **files)


def _in_memory(pem: str) -> str:
    """Return the path of a file with *pem* that is on no disk and ends with this process."""
    if not pem:
        return ""
    file = os.memfd_create("argoexec-tls")
    os.write(file, pem.encode())
    return f"/proc/self/fd/{file}"


def _region(env: Mapping[str, str]) -> Setting:
    """Return the region as the SDKs (AWS_REGION) and boto3 (AWS_DEFAULT_REGION) look for it."""
    name = "AWS_REGION" if env.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    return _variable(env, name, "")


def _config_path(env: Mapping[str, str]) -> Setting:
    if env.get("ARGOEXEC_CONFIG"):
        return _variable(env, "ARGOEXEC_CONFIG", "")
    base, origin = env.get("XDG_CONFIG_HOME"), "XDG_CONFIG_HOME"
    if not base:
        base, origin = os.path.join(_home(env), ".config"), _DEFAULT
    return Setting(value=os.path.join(base, "argoexec", "config.yaml"), origin=origin)


def _docker_config(env: Mapping[str, str]) -> Setting:
    directory, origin = env.get("DOCKER_CONFIG"), "DOCKER_CONFIG"
    if not directory:
        directory, origin = os.path.join(_home(env), ".docker"), _DEFAULT
    return Setting(value=os.path.join(directory, "config.json"), origin=origin)


def _data_dir(env: Mapping[str, str], root: bool) -> Setting:
    if root:
        return Setting(value="/var/lib/argoexec", origin=_DEFAULT)
    base, origin = env.get("XDG_DATA_HOME"), "XDG_DATA_HOME"
    if not base:
        base, origin = os.path.join(_home(env), ".local", "share"), _DEFAULT
    return Setting(value=os.path.join(base, "argoexec"), origin=origin)


def _socket(env: Mapping[str, str], root: bool, data_dir: Setting) -> Setting:
    if root:
        return Setting(value="/run/argoexec/argoexec.sock", origin=_DEFAULT)
    if base := env.get("XDG_RUNTIME_DIR"):
        value = os.path.join(base, "argoexec", "argoexec.sock")
        return Setting(value=value, origin="XDG_RUNTIME_DIR")
    value = os.path.join(data_dir.value, "argoexec.sock")
    return Setting(value=value, origin="in the data directory: XDG_RUNTIME_DIR is not set")


def _kubeconfig(env: Mapping[str, str]) -> Setting:
    """Return the files that exist of those that kubectl would read."""
    named = env.get("KUBECONFIG")
    paths = named.split(os.pathsep) if named else [os.path.join(_home(env), ".kube", "config")]
    found = [path for path in paths if path and os.path.exists(path)]
    return Setting(value=os.pathsep.join(found), origin="KUBECONFIG" if named else _DEFAULT)


def _variable(env: Mapping[str, str], name: str, default: str) -> Setting:
    value = env.get(name)
    return Setting(value=value, origin=name) if value else Setting(value=default, origin=_DEFAULT)


def _home(env: Mapping[str, str]) -> str:
    return env.get("HOME") or os.path.expanduser("~")
