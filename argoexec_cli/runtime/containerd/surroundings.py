"""How a containerd is configured: read from itself, never guessed and never said twice.

Its settings for kubelets' pods hold for ours, too: what makes the containers and their control
groups, where their files are kept, which network they join.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import msgspec

from argoexec_cli.errors import UnsupportedError
from argoexec_cli.rpc.gen.containerd.runc import options_pb2

_RUNC: Final = "io.containerd.runc.v2"


class _Settings(msgspec.Struct, frozen=True, rename="camel"):
    """Base of containerd's own JSON; what we do not use is skipped."""


class _Options(msgspec.Struct, frozen=True, rename="pascal"):
    binary_name: str = ""
    root: str = ""
    data_dir: str = ""
    systemd_cgroup: bool = False


class _Runtime(_Settings, frozen=True):
    runtime_type: str = ""
    runtime_path: str = ""
    runtime_root: str = ""
    options: _Options | None = None


class _Containerd(_Settings, frozen=True):
    snapshotter: str = ""
    default_runtime_name: str = ""
    runtimes: dict[str, _Runtime] = {}


class _Cni(_Settings, frozen=True):
    bin_dir: str = ""
    bin_dirs: list[str] | None = None
    conf_dir: str = "/etc/cni/net.d"


class _Config(_Settings, frozen=True):
    containerd: _Containerd = _Containerd()
    cni: _Cni = _Cni()
    containerd_root_dir: str = ""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for all containers of one containerd.

    `shim` is the program that looks after a container, where it is not the usual one; `binary`
    makes the container, and keeps its state in `root`.
    `network_conf` is the directory that describes the pods' network, `network_programs` are those
    of the programs that make it; `data_dir` is where images are. `apparmor` is the profile of
    containers, empty where there is none; that one containerd does not know.
    """

    snapshotter: str = "overlayfs"
    runtime: str = _RUNC
    shim: str = ""
    binary: str = ""
    root: str = ""
    data_dir: str = ""
    systemd_cgroup: bool = False
    apparmor: str = ""
    network_conf: str = "/etc/cni/net.d"
    network_programs: tuple[str, ...] = ("/opt/cni/bin",)

    @property
    def is_crun(self) -> bool:
        """Whether crun makes the containers."""
        return PurePosixPath(self.binary).name == "crun"

    def options(self) -> options_pb2.Options:
        """Return what the shim is told."""
        return options_pb2.Options(
            binary_name=self.binary, root=self.root, systemd_cgroup=self.systemd_cgroup
        )


def read_surroundings(config: str) -> Surroundings:
    """Read what containerd says of its configuration (JSON).

    `UnsupportedError` for a runtime that is neither runc nor like it.
    """
    try:
        settings = msgspec.json.decode(config or "{}", type=_Config)
    except msgspec.MsgspecError as exc:
        raise UnsupportedError(
            f"containerd describes its configuration in a way that is not known here: {exc}",
            hint="install containerd 1.6, 1.7 or 2",
        ) from exc
    containerd, cni = settings.containerd, settings.cni
    runtime = containerd.runtimes.get(containerd.default_runtime_name, _Runtime(_RUNC))
    if runtime.runtime_type not in ("", _RUNC):
        raise UnsupportedError(
            f"containerd's default runtime is {runtime.runtime_type}, not {_RUNC}",
            hint="ansible-playbook ansible/playbooks/containerd.yml",
        )
    options = runtime.options or _Options()
    programs = tuple(cni.bin_dirs or ()) or ((cni.bin_dir,) if cni.bin_dir else ())
    defaults = Surroundings()
    return Surroundings(
        snapshotter=containerd.snapshotter or defaults.snapshotter,
        shim=runtime.runtime_path,
        binary=options.binary_name,
        root=options.root or runtime.runtime_root,
        data_dir=settings.containerd_root_dir,
        systemd_cgroup=options.systemd_cgroup,
        network_conf=cni.conf_dir or defaults.network_conf,
        network_programs=programs or defaults.network_programs,
    )
