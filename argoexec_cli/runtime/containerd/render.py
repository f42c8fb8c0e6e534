"""From our specs to the messages of the Container Runtime Interface. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.rpc.gen.cri.v1 import container_pb2, image_pb2, sandbox_pb2
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Mount, Resources, SandboxSpec
from argoexec_cli.runtime.labels import SPEC_HASH, to_labels

_CPU_PERIOD_US: Final = 100_000
_MIN_CPU_QUOTA_US: Final = 1_000
_SECCOMP: Final = sandbox_pb2.SecurityProfile(
    profile_type=sandbox_pb2.SecurityProfile.RuntimeDefault
)
_NAMESPACES: Final = sandbox_pb2.NamespaceOption(
    network=sandbox_pb2.POD,
    # The default, 0, would have the containers of a pod see and signal each other's processes.
    pid=sandbox_pb2.CONTAINER,
    ipc=sandbox_pb2.POD,
)


class Place(NamedTuple):
    """What is the same for all objects of one runtime: owner, directory of logs, control group."""

    owner: str
    logs: str
    cgroup_parent: str = ""

    @property
    def hosts(self) -> Path:
        """The directory of the containers' /etc/hosts: beside the logs, whose own is watched."""
        return Path(f"{self.logs}.hosts")


def log_name(key: ContainerKey) -> str:
    """Return the name of a container's log file; two containers never share one."""
    return f"{key.object_name}.log"


def key_labels(owner: str, key: ContainerKey) -> dict[str, str]:
    """Return the labels that find the object with *key*, whatever it was made from."""
    labels = to_labels(owner, key)
    del labels[SPEC_HASH]
    return labels


def render_sandbox(
    spec: SandboxSpec, key: ContainerKey, place: Place
) -> sandbox_pb2.PodSandboxConfig:
    """Describe a sandbox: the pod's, when *key* is the pod's, or the one of a single container.

    A container's own sandbox carries the container's labels, and its metadata, which must be
    unique, the container's name.
    """
    uid = f"{key.pod_uid}.{key.container}" if key.container else key.pod_uid
    return sandbox_pb2.PodSandboxConfig(
        metadata=sandbox_pb2.PodSandboxMetadata(
            name=spec.pod_name, uid=uid, namespace=spec.pod_namespace, attempt=key.attempt
        ),
        hostname=spec.hostname,
        log_directory=place.logs,
        labels={**spec.labels, **to_labels(place.owner, key)},
        linux=sandbox_pb2.LinuxPodSandboxConfig(
            cgroup_parent=place.cgroup_parent,
            security_context=sandbox_pb2.LinuxSandboxSecurityContext(
                namespace_options=_NAMESPACES, seccomp=_SECCOMP
            ),
        ),
    )


def render_container(
    spec: ContainerSpec, sandbox: str, place: Place, network_files: tuple[Mount, ...] = ()
) -> container_pb2.CreateContainerRequest:
    """Describe a task's container in *sandbox*. The interface has Kubernetes' words."""
    key = spec.key
    owner_key = key if not spec.sandbox.id else spec.sandbox.spec.key
    return container_pb2.CreateContainerRequest(
        pod_sandbox_id=sandbox,
        sandbox_config=render_sandbox(spec.sandbox.spec, owner_key, place),
        config=container_pb2.ContainerConfig(
            metadata=container_pb2.ContainerMetadata(name=key.container, attempt=key.attempt),
            image=image_pb2.ImageSpec(image=spec.image.id),
            command=spec.command,
            args=spec.args,
            working_dir=spec.working_dir,
            envs=[container_pb2.KeyValue(key=name, value=value) for name, value in spec.env],
            mounts=[_mount(mount) for mount in (*network_files, *spec.mounts)],
            labels={**spec.labels, **to_labels(place.owner, key, spec.spec_hash)},
            log_path=log_name(key),
            linux=container_pb2.LinuxContainerConfig(
                resources=_limits(spec.resources),
                security_context=container_pb2.LinuxContainerSecurityContext(
                    namespace_options=_NAMESPACES, seccomp=_SECCOMP
                ),
            ),
        ),
    )


def _limits(resources: Resources) -> container_pb2.LinuxContainerResources:
    limits = container_pb2.LinuxContainerResources()
    if resources.memory_bytes:
        # Without a limit of swap the runtime sets the same: no swap.
        limits.memory_limit_in_bytes = resources.memory_bytes
    if resources.cpu_millicores:
        limits.cpu_period = _CPU_PERIOD_US
        quota = resources.cpu_millicores * _CPU_PERIOD_US // 1000
        limits.cpu_quota = max(_MIN_CPU_QUOTA_US, quota)
    return limits


def _mount(mount: Mount) -> container_pb2.Mount:
    return container_pb2.Mount(
        container_path=mount.target, host_path=mount.source, readonly=mount.read_only
    )
