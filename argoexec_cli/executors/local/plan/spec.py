"""What the runtime is asked for: the sandbox of a pod, and each container, everything resolved."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.plan.dns import domain_of, hostname_of
from argoexec_cli.executors.local.plan.env import expand, resolve_env
from argoexec_cli.executors.local.plan.security import security_of
from argoexec_cli.executors.local.plan.sources import Sources
from argoexec_cli.models.pod import Container, Pod
from argoexec_cli.models.quantity import parse_bytes, parse_millicores
from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Image,
    Mount,
    Port,
    Resources,
    Sandbox,
    SandboxSpec,
)


class Place(NamedTuple):
    """Where a container is started: in which sandbox, with which image, and its mounts."""

    sandbox: Sandbox
    image: Image
    mounts: tuple[Mount, ...] = ()


def sandbox_spec(pod: Pod) -> SandboxSpec:
    """Return what the pod's containers share."""
    meta, spec = pod.metadata, pod.spec
    return SandboxSpec(
        key=ContainerKey(pod_uid=meta.uid, container=""),
        pod_name=meta.name,
        pod_namespace=meta.namespace,
        hostname=hostname_of(pod),
        domain=domain_of(pod),
        own_hostname=bool(spec.hostname or spec.subdomain),
        full_hostname=bool(spec.set_hostname_as_fqdn and domain_of(pod)),
        host_network=spec.host_network,
        share_processes=spec.share_process_namespace,
        ports=_ports(pod),
        aliases=tuple((alias.ip, alias.hostnames) for alias in spec.host_aliases),
        shared=_is_shared(pod),
    )


def _ports(pod: Pod) -> tuple[Port, ...]:
    """Return the ports of the host; on the host's network there is nothing to lead anywhere."""
    if pod.spec.host_network:
        return ()
    return tuple(
        Port(
            host_port=port.host_port,
            container_port=port.container_port,
            protocol=port.protocol.lower(),
            host_ip=port.host_ip,
        )
        for container in (*pod.spec.init_containers, *pod.spec.containers)
        for port in container.ports
        if port.host_port
    )


def _is_shared(pod: Pod) -> bool:
    spec = pod.spec
    several = len(spec.containers) > 1 or any(c.sidecar for c in spec.init_containers)
    return (
        several
        or spec.share_process_namespace
        or any(
            variable.value_from
            and variable.value_from.field_ref
            # Only a sandbox has an address before the container that wants to know it starts.
            and variable.value_from.field_ref.field_path.startswith("status.podIP")
            for container in (*spec.init_containers, *spec.containers)
            for variable in container.env
        )
    )


def container_spec(
    container: Container, key: ContainerKey, sources: Sources, place: Place
) -> ContainerSpec:
    """Resolve one container: variables expanded, quantities turned into numbers.

    `NotFoundError` for a ConfigMap, a Secret or a key that is not there and not optional;
    `InvalidError` when it would run as root and must not.
    """
    env = resolve_env(container, sources)
    variables = dict(env)
    limits = container.resources.limits
    return ContainerSpec(
        key=key,
        sandbox=place.sandbox,
        image=place.image,
        command=tuple(expand(word, variables) for word in container.command),
        args=tuple(expand(word, variables) for word in container.args),
        working_dir=container.working_dir,
        env=env,
        mounts=place.mounts,
        stdin=container.stdin,
        stdin_once=container.stdin and container.stdin_once,
        tty=container.tty,
        security=security_of(container, sources.pod.spec, place.image),
        resources=Resources(
            cpu_millicores=parse_millicores(str(limits.get("cpu", 0))),
            memory_bytes=parse_bytes(str(limits.get("memory", 0))),
        ),
    )


def with_sub_paths(container: Container, sources: Sources) -> Container:
    """Return the container with every `subPathExpr` made a `subPath` (core/v1 VolumeMount).

    `InvalidError` for a variable that it does not have, or a path that leads out of the volume.
    """
    if not any(mount.sub_path_expr for mount in container.volume_mounts):
        return container
    variables = dict(resolve_env(container, sources))
    mounts = []
    for mount in container.volume_mounts:
        path = expand(mount.sub_path_expr, variables) if mount.sub_path_expr else mount.sub_path
        if mount.sub_path_expr and "$(" in path:
            raise InvalidError(
                f"missing value for {mount.sub_path_expr!r}", hint="set the variable in env"
            )
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise InvalidError(f"subPath {path!r} is not below the volume", hint="set it otherwise")
        mounts.append(msgspec.structs.replace(mount, sub_path=path, sub_path_expr=""))
    return msgspec.structs.replace(container, volume_mounts=tuple(mounts))


def with_network_files(spec: ContainerSpec, files: tuple[Mount, ...]) -> ContainerSpec:
    """Add the mounts of the network's files, except where the pod mounts something itself."""
    own = {mount.target for mount in spec.mounts}
    added = tuple(file for file in files if file.target not in own)
    return msgspec.structs.replace(spec, mounts=(*added, *spec.mounts)) if added else spec
