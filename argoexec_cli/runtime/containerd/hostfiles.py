"""What a container on the host's own network sees of the host's names.

With a network of its own, a pod's /etc/hosts and /etc/resolv.conf are the executor's files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from argoexec_cli.runtime.base import ContainerSpec, Mount
from argoexec_cli.runtime.containerd.files import making

_HOSTS: Final = Path("/etc/hosts")
_RESOLV_CONF: Final = Path("/etc/resolv.conf")


def host_files(spec: ContainerSpec, directory: Path) -> tuple[Mount, ...]:
    """Return the mounts of a container's network files, but for those that it brings itself.

    They are copies in *directory*, with the aliases of hosts: a container may write to them, and
    must not to the host's. None where the container is not on the host's network.
    """
    sandbox = spec.sandbox.spec
    if not sandbox.host_network:
        return ()
    lines = [_HOSTS.read_text(encoding="utf-8").rstrip("\n") if _HOSTS.exists() else ""]
    lines += [f"{ip}\t{' '.join(names)}" for ip, names in sandbox.aliases]
    texts = {_HOSTS: "\n".join(lines) + "\n"}
    if _RESOLV_CONF.exists():
        texts[_RESOLV_CONF] = _RESOLV_CONF.read_text(encoding="utf-8")
    taken = {mount.target for mount in spec.mounts}
    return tuple(
        Mount(source=str(_copy(directory / place.name, text)), target=str(place))
        for place, text in texts.items()
        if str(place) not in taken
    )


def _copy(path: Path, text: str) -> Path:
    with making(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        # Whatever the daemon's umask: every user of the container may read it.
        path.chmod(0o644)
    return path
