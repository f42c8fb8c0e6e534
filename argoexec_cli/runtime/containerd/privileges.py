"""What a process may do: capabilities, devices, and what of /proc is hidden from it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from argoexec_cli.errors import InvalidError
from argoexec_cli.runtime.base import Security

# In the kernel's order: the place in this list is the number (linux/capability.h).
_ALL: Final = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
    SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
    SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
    WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
NAMES: Final = tuple(_ALL.split())
# What containers have unless they say otherwise; the same on Docker and in Kubernetes.
_USUAL: Final = """
    AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID
    SETPCAP SETUID SYS_CHROOT
"""
MASKED: Final = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_NO_DEVICES: Final = frozenset({"pts", "shm", "fd", "mqueue", "console", "lxc", "lxd", "core"})


def capabilities_of(security: Security) -> frozenset[str]:
    """Return the capabilities of a container, without CAP_: dropped first, then added.

    `InvalidError` for one that the kernel does not know.
    """
    if security.privileged:
        return _available()
    unknown = {*security.add_capabilities, *security.drop_capabilities} - {*NAMES, "ALL"}
    if unknown:
        raise InvalidError(
            f"unknown capability {', '.join(sorted(unknown))}", hint="man 7 capabilities"
        )
    drop = security.drop_capabilities
    kept = frozenset[str]() if "ALL" in drop else frozenset(_USUAL.split()) - {*drop}
    added = security.add_capabilities
    return kept | _available() if "ALL" in added else kept | {*added}


@cache
def _available() -> frozenset[str]:
    """Return what this machine can give: no more than we have ourselves."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    bits = int(next(line for line in lines if line.startswith("CapPrm:")).split()[1], 16)
    return frozenset(name for number, name in enumerate(NAMES) if bits >> number & 1)


def devices_of(security: Security) -> dict[str, Any]:
    """Return the devices of a container, as parts of the OCI specification's `linux`."""
    if not security.privileged:
        return {"resources": [{"allow": False, "access": "rwm"}]}
    return {
        "devices": list(_host_devices(Path("/dev"))),
        "resources": [{"allow": True, "access": "rwm"}],
    }


def _host_devices(directory: Path) -> Iterator[dict[str, Any]]:
    for entry in os.scandir(directory):
        if entry.name in _NO_DEVICES or entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _host_devices(Path(entry.path))
            continue
        status = entry.stat()
        is_block = stat.S_ISBLK(status.st_mode)
        if is_block or stat.S_ISCHR(status.st_mode):
            yield {
                "path": entry.path,
                "type": "b" if is_block else "c",
                "major": os.major(status.st_rdev),
                "minor": os.minor(status.st_rdev),
                "fileMode": stat.S_IMODE(status.st_mode),
                "uid": status.st_uid,
                "gid": status.st_gid,
            }
