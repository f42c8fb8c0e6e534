"""From our specs to the Engine API's body of /containers/create. Pure."""

from __future__ import annotations

from typing import Any, Final

from argoexec_cli.runtime.base import ContainerSpec, Mount, Port, Resources, SandboxSpec, Security
from argoexec_cli.runtime.labels import OWNER, POOL, to_labels

LOG_CONFIG: Final = {
    "Type": "local",
    # One file that is never rotated: rotation would drop lines that nobody has read yet (1024 PiB
    # is never reached). The executor copies the log to its own store and deletes it with the
    # container.
    "Config": {"max-size": "1024p", "max-file": "1", "compress": "false"},
}
POOL_HOSTNAME: Final = "argoexec"
"""What the kernel calls every pod that borrows a network."""
_CPU_PERIOD_US: Final = 100_000
_MIN_CPU_QUOTA_US: Final = 1_000


def render_container(spec: ContainerSpec, owner: str) -> dict[str, Any]:
    """Describe a task's container. Kubernetes' `command` is Docker's Entrypoint and `args` its Cmd.

    An Entrypoint without Cmd drops the image's CMD, and a Cmd alone keeps its ENTRYPOINT, as
    Kubernetes has it.
    """
    body: dict[str, Any] = {
        "Image": spec.image.id,
        "Entrypoint": list(spec.command) or None,
        "Cmd": list(spec.args) or None,
        "Env": [f"{name}={value}" for name, value in spec.env],
        "WorkingDir": spec.working_dir,
        "Labels": {**spec.labels, **to_labels(owner, spec.key, spec.spec_hash)},
    }
    host = _host_config() | _limits(spec.resources) | _security(spec.security)
    if user := _user(spec):
        body["User"] = user
    streams = {"OpenStdin": spec.stdin, "StdinOnce": spec.stdin_once, "Tty": spec.tty}
    body |= {name: True for name, wanted in streams.items() if wanted}
    host["Mounts"] = [_mount(mount) for mount in spec.mounts]
    if spec.sandbox.id:
        # The sandbox's host name comes with its network; setting one here would be refused.
        shared = f"container:{spec.sandbox.id}"
        host |= {"NetworkMode": shared}
        if spec.sandbox.spec.shared:
            host |= {"IpcMode": shared}
        if spec.sandbox.spec.share_processes:
            host |= {"PidMode": shared}
        if all(name != "HOSTNAME" for name, _ in spec.env):
            body["Env"].append(f"HOSTNAME={spec.sandbox.spec.kernel_hostname}")
    else:
        own = _network(spec.sandbox.spec)
        host |= own.pop("HostConfig")
        body |= own
    return body | {"HostConfig": host}


def render_sandbox(spec: SandboxSpec, image_id: str, owner: str) -> dict[str, Any]:
    """Describe the container that holds what the pod's others share: network, host name, IPC."""
    own = _network(spec)
    return {
        "Image": image_id,
        "Labels": {**spec.labels, **to_labels(owner, spec.key)},
        **own,
        "HostConfig": _host_config() | own["HostConfig"] | {"IpcMode": "shareable"},
    }


def render_pool_network(image_id: str, owner: str) -> dict[str, Any]:
    """Describe a pause container of the pool, whose network one pod after the other has."""
    return {
        "Image": image_id,
        "Hostname": POOL_HOSTNAME,
        "Labels": {OWNER: owner, POOL: "1"},
        "HostConfig": _host_config(),
    }


def _network(spec: SandboxSpec) -> dict[str, Any]:
    """Describe a network that is made with the container: what only its first container may say."""
    aliases = [f"{name}:{ip}" for ip, names in spec.aliases for name in names]
    host: dict[str, Any] = {"ExtraHosts": aliases} if aliases else {}
    if spec.host_network:
        return {"HostConfig": host | {"NetworkMode": "host"}}
    own = {"Hostname": spec.kernel_hostname, "HostConfig": host}
    if spec.domain and not spec.full_hostname:
        own["Domainname"] = spec.domain
    if spec.ports:
        host["PortBindings"] = _bindings(spec.ports)
        own["ExposedPorts"] = {name: {} for name in host["PortBindings"]}
    return own


def _bindings(ports: tuple[Port, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        place = {"HostIp": port.host_ip, "HostPort": str(port.host_port)}
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append(place)
    return bindings


def _user(spec: ContainerSpec) -> str:
    """Return `uid[:gid]`; empty leaves it to the image."""
    security = spec.security
    user = spec.image.user.partition(":")[0] if security.user is None else str(security.user)
    if security.group is not None:
        return f"{user or 0}:{security.group}"
    return "" if security.user is None else user


def _security(security: Security) -> dict[str, Any]:
    wanted = {
        "GroupAdd": [str(group) for group in security.groups],
        "ReadonlyRootfs": security.read_only_root,
        "SecurityOpt": ["no-new-privileges"] if security.no_new_privileges else [],
        "Privileged": security.privileged,
        "CapAdd": list(security.add_capabilities),
        "CapDrop": list(security.drop_capabilities),
    }
    return {name: value for name, value in wanted.items() if value}


def _host_config() -> dict[str, Any]:
    return {
        "LogConfig": LOG_CONFIG,
        # Attempts are the executor's decision, and removal comes after the log was read.
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
        "Init": False,
    }


def _limits(resources: Resources) -> dict[str, int]:
    limits: dict[str, int] = {}
    if resources.memory_bytes:
        # Equal to Memory means no swap.
        limits |= {"Memory": resources.memory_bytes, "MemorySwap": resources.memory_bytes}
    if resources.cpu_millicores:
        # As the kubelet does. NanoCpus would be refused above the host's number of cores.
        quota = max(_MIN_CPU_QUOTA_US, resources.cpu_millicores * _CPU_PERIOD_US // 1000)
        limits |= {"CpuPeriod": _CPU_PERIOD_US, "CpuQuota": quota}
    return limits


def _mount(mount: Mount) -> dict[str, Any]:
    """Describe a mount.

    Unlike a bind in short form, it may hold colons and never creates its source.
    """
    return {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
