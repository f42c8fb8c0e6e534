"""Each container's /etc/hosts, as a kubelet writes it.

Left to itself, containerd gives every container the host's own: there the pod's name is missing.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError, CapacityError, UnavailableError
from argoexec_cli.runtime.base import ContainerKey, ContainerSpec, Mount
from argoexec_cli.runtime.containerd.render import Place

_TARGET: Final = "/etc/hosts"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def hosts_path(place: Place, key: ContainerKey) -> Path:
    """Return the host's path of a container's file."""
    return place.hosts / key.object_name


def write_hosts(place: Place, spec: ContainerSpec, ip: str) -> tuple[Mount, ...]:
    """Write the file of a container whose pod has the address *ip*; return its mount.

    None when the pod brings its own. May be repeated. `CapacityError`, `UnavailableError`.
    """
    if any(mount.target == _TARGET for mount in spec.mounts):
        return ()
    path = hosts_path(place, spec.key)
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    if ip:
        lines.append(f"{ip}\t{spec.sandbox.spec.hostname}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        # Whatever the daemon's umask: every user of the container may read it.
        path.chmod(0o644)
    except OSError as exc:
        raise _translate(exc, path) from exc
    return (Mount(source=str(path), target=_TARGET),)


def _translate(exc: OSError, path: Path) -> ArgoexecError:
    problem = f"cannot write {path}: {exc.strerror}"
    if exc.errno in _FULL:
        return CapacityError(problem, hint=f"free some space: df -h {path.parent}")
    return UnavailableError(problem, hint=f"check it: ls -ld {path.parent}")
