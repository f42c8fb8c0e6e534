"""What can be configured: frozen, typed, and each value with its origin."""

from __future__ import annotations

from typing import Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.connection import Endpoint, ServerTls, Ssh, Tls


class Context(Model, kw_only=True):
    """A server with a name, and all that is needed to reach it. Paths only, never keys.

    With `via: ssh`, `server` is the address as the host in `ssh` sees it.
    """

    name: str
    server: str
    tls: Tls | None = None
    via: Literal["", "ssh"] = ""
    ssh: Ssh | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The server and the way to it."""
        return Endpoint(server=self.server, tls=self.tls, via=self.via, ssh=self.ssh)


class Allow(Model, kw_only=True):
    """What pods may have beyond the usual. `host_paths` are directories, `capabilities` names
    without CAP_; with `images`, patterns such as `registry.lab/*`, nothing else is run.
    """

    privileged: bool = False
    host_network: bool = False
    host_paths: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


class ServeConfig(Model, kw_only=True):
    """What a daemon is told by the file; flags of `serve` come first, those that grant something
    grant it too.
    """

    listen: tuple[str, ...] = ()
    tls: ServerTls | None = None
    lease_file: str = ""
    allow: Allow = Allow()


class ConfigFile(Model, kw_only=True):
    """The whole config file; any other key in it is an error that names file and line."""

    contexts: tuple[Context, ...] = ()
    current_context: str = msgspec.field(default="", name="current-context")
    serve: ServeConfig = ServeConfig()


class Setting(Model, kw_only=True):
    """A value, and who decided on it: a flag, a variable, a file or the default."""

    value: str
    origin: str


class Settings(Model, kw_only=True):
    """Everything that the command line needs to know about its surroundings.

    `server` is the first of: the flags `--server` and `--context`, ARGOEXEC_SERVER, the current
    context, the local socket; `endpoint` is the same with the way to it. `registry` is the
    manifest of the executor registry, for machines without a cluster. An empty `docker_host` or
    `containerd_host` is the engine's usual socket. `kubeconfig` lists files as KUBECONFIG does;
    empty when there are none. `docker_config` is the file in which `docker login` leaves its
    logins. `aws_profile`, `aws_region` and `aws_endpoint_url` are AWS's own variables; empty means
    that AWS's files decide.
    """

    server: Setting
    endpoint: Endpoint
    config: Setting
    data_dir: Setting
    socket: Setting
    registry: Setting
    docker_host: Setting
    containerd_host: Setting
    kubeconfig: Setting
    docker_config: Setting
    aws_profile: Setting
    aws_region: Setting
    aws_endpoint_url: Setting
    contexts: tuple[Context, ...] = ()
    current_context: str = ""
    serve: ServeConfig = ServeConfig()
    no_color: bool = False
    superuser: bool = False
