"""A private Docker Engine for one test process: own socket, data, containerd, bridge, cgroups.

It shares nothing with an engine that the machine may run, and adds no iptables rule (published
ports go through docker-proxy), so any number of them run side by side. live-restore is on: tests
may stop, kill and restart dockerd while containers go on.

Blocking throughout: an async test restarts it with `await asyncio.to_thread(engine.restart)`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.engines import claim, images
from tests.engines.api import EngineApi
from tests.engines.process import Process

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
        self.directory, address = claim.claim()
        self.bridge = self.directory.name
        self.subnet = address.network
        self.socket_path = self.directory / "docker.sock"
        self.api = EngineApi(self.socket_path)
        self._dockerd: Process | None = None
        self._containerd: Process | None = None
        self._closed = False
        self._write_config()

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

    def containers(self) -> list[str]:
        """List the ids of all containers, ended ones too."""
        return self.api.containers()

    def bundle(self, container: str) -> Path:
        """The directory that containerd has for a container's task while there is one."""
        tasks = self.directory / "containerd-state" / "io.containerd.runtime.v2.task"
        return tasks / "moby" / container

    def remove_containers(self) -> None:
        """Remove every container, as a test's own end may want it."""
        for container in self.containers():
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
        claim.remove(self.directory)

    def _start_containerd(self) -> None:
        address = self.directory / "containerd.sock"
        config = self.directory / "containerd.toml"
        self._containerd = Process(
            ["containerd", "--config", str(config)], log=self.directory / "containerd.log"
        )
        self._containerd.wait_until(address.exists)

    def _write_config(self) -> None:
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
            "fixed-cidr": str(self.subnet),
            "cgroup-parent": f"/{self.bridge}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "iptables": False,
            "ip-forward": False,
            "ip-masq": False,
            "live-restore": True,
            "log-level": "warn",
        }
        (where / "daemon.json").write_text(json.dumps(settings, indent=2))
