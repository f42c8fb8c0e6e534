"""A Pod as a person or a controller writes it: the fields of core/v1 that argoexec implements.

A field that is missing here is refused by its path (see `models.base`). Defaults are Kubernetes'
own, except `restart_policy`: a task runs once, so it is Never unless said otherwise (Argo creates
its pods with Never too).
"""

from typing import Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.security import PodSecurityContext, SecurityContext
from argoexec_cli.models.sources import (
    ConfigMapVolumeSource,
    DownwardAPIVolumeSource,
    EnvFromSource,
    EnvVarSource,
    LocalObjectReference,
    ProjectedVolumeSource,
    SecretVolumeSource,
)
from argoexec_cli.models.status import PodStatus

PullPolicy = Literal["", "Always", "IfNotPresent", "Never"]
RestartPolicy = Literal["", "Never", "OnFailure"]


class EnvVar(Model):
    """Source: core/v1 EnvVar. `$(NAME)` in `value` refers to variables before it; `$$(NAME)`
    escapes.
    """

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class ResourceRequirements(Model):
    """Source: core/v1 ResourceRequirements. Quantities of `cpu` and `memory`; a missing request
    equals its limit.
    """

    limits: dict[str, str | int | float] = msgspec.field(default_factory=dict)
    requests: dict[str, str | int | float] = msgspec.field(default_factory=dict)


class VolumeMount(Model):
    """Source: core/v1 VolumeMount. `sub_path` is a part of the volume, made as a directory when it
    is not there; links of the task lead nowhere. `sub_path_expr` is the same with $(VAR) expanded.
    """

    name: str
    mount_path: str
    read_only: bool = False
    sub_path: str = ""
    sub_path_expr: str = ""


class ContainerPort(Model):
    """Source: core/v1 ContainerPort. Without `host_port` it only informs: every port is open in the
    pod. With one, that port of the host (of `host_ip`, or of all its addresses) leads here.
    """

    container_port: int
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    name: str = ""


class EmptyDirVolumeSource(Model):
    """Source: core/v1 EmptyDirVolumeSource: a directory that lives as long as the pod, on the
    host's disk or (medium Memory) in memory, where `size_limit` is its size.
    """

    medium: Literal["", "Memory"] = ""
    size_limit: str | int | float | None = None


class HostPathVolumeSource(Model):
    """Source: core/v1 HostPathVolumeSource: a path of the host, for policy to allow. `type` says
    what has to be there, or is made.
    """

    path: str
    type: Literal["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File"] = ""


class Volume(Model):
    """Source: core/v1 Volume; an emptyDir if nothing is said. What is made from something is
    read-only.
    """

    name: str
    empty_dir: EmptyDirVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = msgspec.field(default=None, name="downwardAPI")
    projected: ProjectedVolumeSource | None = None


class Container(Model):
    """Source: core/v1 Container. `command` replaces the image's ENTRYPOINT, `args` its CMD;
    `command` alone drops CMD. `restart_policy` Always makes an init container a sidecar: what comes
    after it starts when it has started, and it is ended when the main containers have ended.
    With `stdin` its input stays open, though nobody may write to it (with `stdin_once`, until its
    first writer is gone); a `tty` merges stderr into stdout.
    """

    name: str
    image: str
    image_pull_policy: PullPolicy = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    ports: tuple[ContainerPort, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    volume_mounts: tuple[VolumeMount, ...] = ()
    security_context: SecurityContext = SecurityContext()
    restart_policy: Literal["", "Always"] = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: Literal["File", "FallbackToLogsOnError"] = "File"

    @property
    def sidecar(self) -> bool:
        """Whether this init container runs beside the containers that come after it."""
        return self.restart_policy == "Always"


class HostAlias(Model):
    """Source: core/v1 HostAlias: a line of /etc/hosts."""

    ip: str
    hostnames: tuple[str, ...] = ()


class PodDNSConfigOption(Model):
    """Source: core/v1 PodDNSConfigOption: an option of resolv.conf."""

    name: str
    value: str | None = None


class PodDNSConfig(Model):
    """Source: core/v1 PodDNSConfig: added to what `dns_policy` gives; options replace."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


class PodSpec(Model):
    """Source: core/v1 PodSpec. An empty `hostname` is the pod's name; with a `subdomain` it has a
    domain, too (hostname.subdomain.namespace.svc.cluster.local). `host_network` is for policy to
    allow. `image_pull_secrets` name Secrets of the request with logins at registries; those of
    the host come after them.
    """

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: RestartPolicy = ""
    active_deadline_seconds: int | None = None
    termination_grace_period_seconds: int | None = None
    hostname: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool = msgspec.field(default=False, name="setHostnameAsFQDN")
    host_network: bool = False
    host_aliases: tuple[HostAlias, ...] = ()
    dns_policy: Literal["", "Default", "None", "ClusterFirst", "ClusterFirstWithHostNet"] = ""
    dns_config: PodDNSConfig | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    share_process_namespace: bool = False
    security_context: PodSecurityContext = PodSecurityContext()


class Pod(Model, kw_only=True):
    """Source: core/v1 Pod. `status` is the executor's; what a client sends there is not read."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Pod"] = "Pod"
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec
    status: PodStatus = PodStatus()
