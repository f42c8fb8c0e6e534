"""What can be configured: frozen, typed, and each value with its origin."""

from __future__ import annotations

import msgspec

from argoexec_cli.models.base import Model


class Context(Model, kw_only=True):
    """A server with a name, so that nobody has to type its address."""

    name: str
    server: str


class ConfigFile(Model, kw_only=True):
    """The whole config file; any other key in it is an error that names file and line."""

    contexts: tuple[Context, ...] = ()
    current_context: str = msgspec.field(default="", name="current-context")


class Setting(Model, kw_only=True):
    """A value, and who decided on it: a flag, a variable, a file or the default."""

    value: str
    origin: str


class Settings(Model, kw_only=True):
    """Everything that the command line needs to know about its surroundings.

    `server` is the first of: the flag `--server`, ARGOEXEC_SERVER, the current context, the local
    socket. `registry` is the manifest of the executor registry, for machines without a cluster.
    An empty `docker_host` or `containerd_host` is the engine's usual socket. `kubeconfig` lists
    files as KUBECONFIG does; empty when there are none. `docker_config` is the file in which
    `docker login` leaves its logins.
    """

    server: Setting
    config: Setting
    data_dir: Setting
    socket: Setting
    registry: Setting
    docker_host: Setting
    containerd_host: Setting
    kubeconfig: Setting
    docker_config: Setting
    contexts: tuple[Context, ...] = ()
    no_color: bool = False
    superuser: bool = False
