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

    Writes the aliases of hosts into *directory*. None where the container is not on the host's
    network.
    """
    sandbox = spec.sandbox.spec
    if not sandbox.host_network:
        return ()
    hosts = directory / "hosts"
    with making(hosts):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [_HOSTS.read_text(encoding="utf-8").rstrip("\n") if _HOSTS.exists() else ""]
        lines += [f"{ip}\t{' '.join(names)}" for ip, names in sandbox.aliases]
        hosts.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # Whatever the daemon's umask: every user of the container may read it.
        hosts.chmod(0o644)
    files = (
        Mount(source=str(hosts), target=str(_HOSTS)),
        Mount(source=str(_RESOLV_CONF.resolve()), target=str(_RESOLV_CONF)),
    )
    taken = {mount.target for mount in spec.mounts}
    return tuple(one for one in files if one.target not in taken and Path(one.source).exists())
