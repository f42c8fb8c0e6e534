"""From our specs to the OCI runtime specification. Pure, but for what the host can give."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from argoexec_cli.errors import InvalidError
from argoexec_cli.runtime.base import ContainerSpec, Mount, Resources
from argoexec_cli.runtime.containerd.images import Details, ImageConfig
from argoexec_cli.runtime.containerd.privileges import (
    MASKED,
    READ_ONLY,
    capabilities_of,
    devices_of,
)
from argoexec_cli.runtime.containerd.seccomp import profile
from argoexec_cli.runtime.containerd.users import Identity, identify

_CPU_PERIOD_US: Final = 100_000
_MIN_CPU_QUOTA_US: Final = 1_000
_MIN_SHARES: Final = 2
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHM_BYTES: Final = 64 << 20


class Shared(NamedTuple):
    """What a container has in common with others: paths of namespaces, and the memory of /dev/shm.

    An empty path is a namespace of its own. `network` is not looked at with the host's network.
    """

    network: str = ""
    ipc: str = ""
    pid: str = ""
    shm: str = ""


def render(
    spec: ContainerSpec, image: Details, shared: Shared, cgroup: str, apparmor: str = ""
) -> dict[str, Any]:
    """Describe a task's container, confined by the profile *apparmor* unless it is privileged.

    `StartError`, `InvalidError`: what it asks for cannot be.
    """
    security, sandbox = spec.security, spec.sandbox.spec
    identity = identify(image.config.user, security, image.passwd, image.group)
    capabilities = capabilities_of(security)
    linux: dict[str, Any] = {
        "cgroupsPath": cgroup,
        "namespaces": _namespaces(shared, host_network=sandbox.host_network),
        **_devices_and_limits(spec),
    }
    if not security.privileged:
        linux |= {"maskedPaths": MASKED, "readonlyPaths": READ_ONLY}
        if rules := profile(capabilities):
            linux["seccomp"] = rules
    described = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": spec.tty,
            "user": {
                "uid": identity.uid,
                "gid": identity.gid,
                "additionalGids": list(identity.groups),
            },
            "args": _command(spec, image.config),
            "env": _environment(spec, image.config, identity),
            "cwd": spec.working_dir or image.config.working_dir or "/",
            "capabilities": _capabilities(capabilities, identity),
            "noNewPrivileges": security.no_new_privileges,
            # As for any process of the host; the shim that we come from is protected.
            "oomScoreAdj": 0,
            **({"apparmorProfile": apparmor} if apparmor and not security.privileged else {}),
        },
        "root": {"path": "rootfs", "readonly": security.read_only_root},
        "mounts": [
            *_own_mounts(shared, read_only=not security.privileged),
            *map(_mount, spec.mounts),
        ],
        "linux": linux,
    }
    return (
        described
        if sandbox.host_network
        else described | {"hostname": sandbox.kernel_hostname[:64]}
    )


def _command(spec: ContainerSpec, image: ImageConfig) -> list[str]:
    """Kubernetes' `command` is the image's entrypoint, and drops its command."""
    if spec.command:
        words = [*spec.command, *spec.args]
    else:
        words = [*(image.entrypoint or ()), *(spec.args or image.cmd or ())]
    if not words:
        raise InvalidError(
            "neither the container nor its image says what to run", hint="give it a command"
        )
    return words


def _environment(spec: ContainerSpec, image: ImageConfig, identity: Identity) -> list[str]:
    sandbox = spec.sandbox.spec
    name = socket.gethostname() if sandbox.host_network else sandbox.kernel_hostname
    env = {"PATH": _PATH, "HOSTNAME": name, "HOME": identity.home}
    if spec.tty:
        env["TERM"] = "xterm"
    env |= dict(entry.partition("=")[::2] for entry in image.env)
    env |= dict(spec.env)
    return [f"{name}={value}" for name, value in env.items()]


def _capabilities(names: frozenset[str], identity: Identity) -> dict[str, list[str]]:
    """Another user than root gets none, as execve(2) has it; only what may come back by a file."""
    full = sorted(f"CAP_{name}" for name in names)
    if identity.uid != 0:
        return {"bounding": full}
    return {"bounding": full, "effective": full, "permitted": full}


def _namespaces(shared: Shared, *, host_network: bool) -> list[dict[str, str]]:
    paths = {"mount": "", "ipc": shared.ipc, "pid": shared.pid}
    if not host_network:
        paths |= {"network": shared.network, "uts": ""}
    if _is_unified():
        paths["cgroup"] = ""
    return [{"type": kind} | ({"path": path} if path else {}) for kind, path in paths.items()]


@cache
def _is_unified() -> bool:
    """Tell whether the host has control groups of the second generation only."""
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


@cache
def _counts_swap() -> bool:
    return _is_unified() or Path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists()


def _devices_and_limits(spec: ContainerSpec) -> dict[str, Any]:
    devices = devices_of(spec.security)
    resources = {"devices": devices["resources"], **_limits(spec.resources)}
    return {"devices": devices.get("devices", []), "resources": resources}


def _limits(resources: Resources) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if resources.memory_bytes:
        limits["memory"] = {"limit": resources.memory_bytes}
        if _counts_swap():
            # The same means no swap.
            limits["memory"]["swap"] = resources.memory_bytes
    if resources.cpu_millicores:
        quota = resources.cpu_millicores * _CPU_PERIOD_US // 1000
        limits["cpu"] = {
            "period": _CPU_PERIOD_US,
            "quota": max(_MIN_CPU_QUOTA_US, quota),
            "shares": max(_MIN_SHARES, resources.cpu_millicores * 1024 // 1000),
        }
    return limits


def _own_mounts(shared: Shared, *, read_only: bool) -> list[Mapping[str, object]]:
    """What every container has; a mount of the pod at the same place comes on top."""
    writable = ["ro"] if read_only else ["rw"]
    safe = ["nosuid", "noexec", "nodev"]
    own_shm = _special("/dev/shm", "tmpfs", [*safe, "mode=1777", f"size={_SHM_BYTES}"])  # noqa: S108 - the container's
    common_shm = _mount(Mount(source=shared.shm, target="/dev/shm"))  # noqa: S108 - the container's
    return [
        _special("/proc", "proc", safe),
        _special("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _special(
            "/dev/pts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        _special("/dev/mqueue", "mqueue", safe),
        _special("/sys", "sysfs", [*safe, *writable]),
        _special("/sys/fs/cgroup", "cgroup", [*safe, "relatime", *writable]),
        common_shm if shared.shm else own_shm,
    ]


def _special(target: str, kind: str, options: Sequence[str]) -> Mapping[str, object]:
    return {"destination": target, "type": kind, "source": kind, "options": options}


def _mount(mount: Mount) -> Mapping[str, object]:
    options = ["rbind", "rprivate", "ro" if mount.read_only else "rw"]
    return {
        "destination": mount.target,
        "type": "bind",
        "source": mount.source,
        "options": options,
    }
