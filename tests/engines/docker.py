"""A private Docker Engine for one test process: own socket, data, containerd, bridge, cgroups.

It shares nothing with an engine that the machine may run, and adds no iptables rule (published
ports go through docker-proxy), so any number of them run side by side. live-restore is on: tests
may stop, kill and restart dockerd while containers go on.

Blocking throughout: an async test restarts it with `await asyncio.to_thread(engine.restart)`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.engines import images, kernel
from tests.engines.api import EngineApi
from tests.engines.process import Process

_BASE = Path("/tmp")
PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "runc", "docker-proxy", "ip")
# Plugins that probe the machine for file systems and for Kubernetes, to no use here.
_CONTAINERD_WITHOUT = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]


class DockerEngine:
    """Use as a context manager: running with `images.ALL` inside, without a trace after it."""

    def __init__(self) -> None:
        """Claim a bridge, and with its name the directory; `start` runs the programs."""
        sweep()
        with _claims():
            self.bridge, address = kernel.claim_bridge()
            self.directory = _BASE / self.bridge
            self.directory.mkdir(mode=0o700)
            (self.directory / "owner").write_text(_identity(os.getpid()))
        self.socket_path = self.directory / "docker.sock"
        self.api = EngineApi(self.socket_path)
        self._dockerd: Process | None = None
        self._containerd: Process | None = None
        self._closed = False
        self._write_config(address)

    @property
    def url(self) -> str:
        """The address as clients write it (`DOCKER_HOST`)."""
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        """The process id of dockerd, which must have been started."""
        assert self._dockerd is not None, "dockerd has not been started"
        return self._dockerd.pid

    def __enter__(self) -> Self:
        """Start it and load the images."""
        try:
            self.start()
            self.api.load(images.archive())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it with everything that it made."""
        self.close()

    def start(self) -> None:
        """Start dockerd (and containerd, if it is not running); return when the API answers."""
        if self._containerd is None or not self._containerd.running():
            self._start_containerd()
        if self._dockerd is not None and self._dockerd.running():
            return
        (self.directory / "docker.pid").unlink(missing_ok=True)
        config = self.directory / "daemon.json"
        log = self.directory / "dockerd.log"
        self._dockerd = Process(["dockerd", "--config-file", str(config)], log=log)
        self._dockerd.wait_until(self.api.answers)

    def stop(self) -> None:
        """Stop dockerd gracefully; containers go on. Repeatable."""
        if self._dockerd is not None:
            self._dockerd.stop()

    def kill9(self) -> None:
        """End dockerd as a crash would; containers go on. Repeatable."""
        if self._dockerd is not None:
            self._dockerd.kill()

    def restart(self) -> None:
        """Stop and start dockerd; containers go on."""
        self.stop()
        self.start()

    def remove_containers(self) -> None:
        """Remove every container, as a test's own end may want it."""
        for container in self.api.containers():
            with suppress(AssertionError):
                self.api.remove_container(container)

    def close(self) -> None:
        """Remove containers, programs, mounts, control groups, bridge and directory. Repeatable.

        Works in any state of dockerd: what it would have to be asked for is killed by path.
        """
        if self._closed:
            return  # by now the name may be another engine's
        self._closed = True
        if self._dockerd is not None and self._dockerd.running():
            self.remove_containers()
        self.stop()
        if self._containerd is not None:
            self._containerd.stop()
        with _claims():
            _remove_traces(self.directory)

    def _start_containerd(self) -> None:
        address = self.directory / "containerd.sock"
        config = self.directory / "containerd.toml"
        self._containerd = Process(
            ["containerd", "--config", str(config)], log=self.directory / "containerd.log"
        )
        self._containerd.wait_until(address.exists)

    def _write_config(self, address: str) -> None:
        """Write both configurations; dockerd must not read /etc/docker/daemon.json."""
        where = self.directory
        (where / "containerd.toml").write_text(
            "version = 2\n"
            f'root = "{where}/containerd"\n'
            f'state = "{where}/containerd-state"\n'
            f"disabled_plugins = {json.dumps(_CONTAINERD_WITHOUT)}\n"
            f'[grpc]\naddress = "{where}/containerd.sock"\n'
        )
        settings = {
            "hosts": [self.url],
            "data-root": f"{where}/data",
            "exec-root": f"{where}/exec",
            "pidfile": f"{where}/docker.pid",
            "containerd": f"{where}/containerd.sock",
            "bridge": self.bridge,
            "fixed-cidr": address.replace(".1/24", ".0/24"),
            "cgroup-parent": f"/{self.bridge}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "iptables": False,
            "ip-forward": False,
            "ip-masq": False,
            "live-restore": True,
            "log-level": "warn",
        }
        (where / "daemon.json").write_text(json.dumps(settings, indent=2))


def sweep() -> None:
    """Remove engines whose test process ended without doing so, as one that was killed does."""
    with _claims():
        for directory in _BASE.glob("axe[0-9]*"):
            if directory.name.removeprefix("axe").isdigit() and not _owner_lives(directory):
                _remove_traces(directory)


def _remove_traces(directory: Path) -> None:
    kernel.kill_naming(directory)
    kernel.kill_cgroups(directory.name)
    kernel.unmount_below(directory)
    kernel.remove_cgroups(directory.name)
    shutil.rmtree(directory, ignore_errors=True)
    kernel.remove_bridge(directory.name)  # last: from here on the name is free for another engine


@contextmanager
def _claims() -> Iterator[None]:
    """Let one process at a time claim a name or remove an engine: half of either looks dead."""
    with (_BASE / "axe.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _owner_lives(directory: Path) -> bool:
    try:
        owner = (directory / "owner").read_text()
        return owner == _identity(int(owner.split()[0]))
    except (OSError, ValueError, IndexError):
        return False


def _identity(pid: int) -> str:
    """Return the pid with its start time, which together are never used twice."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid} {after_name[19]}"
