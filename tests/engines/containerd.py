"""A private containerd for one test process: own socket, data, bridge, pod network, cgroups.

It shares nothing with a containerd that the machine may run, and adds no iptables rule but for the
ports of pods that ask for some, so any number of them run side by side. Containers go on while
tests stop, kill and restart it.

Blocking throughout: an async test restarts it with `await asyncio.to_thread(engine.restart)`.
"""

from __future__ import annotations

import json
import stat
import subprocess
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final, Literal, Self

import grpc

from argoexec_cli.rpc.gen.cri.v1 import runtime_pb2, runtime_pb2_grpc
from tests.engines import claim, images
from tests.engines.process import Process

_CNI: Final = Path("/usr/lib/cni")
PROGRAMS = (
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "ip",
    "iptables",
    str(_CNI / "bridge"),
    str(_CNI / "portmap"),
)
# Plugins that probe the machine for what is of no use here.
_WITHOUT: Final = [
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
]
# crun refuses a machine with both generations of control groups; each container's shim, which runs
# it, gets a view of the machine with the first alone.
_SHIM: Final = Path(__file__).parents[2] / "ansible" / "roles" / "containerd" / "files" / "shim.sh"


class ContainerdEngine:
    """Use as a context manager: running with `images.ALL` inside, without a trace after it."""

    def __init__(self, *, runtime: Literal["runc", "crun"] = "runc") -> None:
        """Claim a bridge, and with its name the directory; `start` runs the program."""
        self.directory, address = claim.claim()
        self.bridge = self.directory.name
        self.socket_path = self.directory / "containerd.sock"
        self.pods = self.directory / "pods"
        self._runtime = runtime
        self._process: Process | None = None
        self._closed = False
        self._write_network(address.network)
        self._write_config()

    @property
    def url(self) -> str:
        """The address as clients write it."""
        return f"unix://{self.socket_path}"

    @property
    def cgroup_parent(self) -> str:
        """The control group under which tests put their pods, so that it can be cleared."""
        return f"/{self.bridge}"

    @property
    def pid(self) -> int:
        """The process id of containerd, which must have been started."""
        assert self._process is not None, "containerd has not been started"
        return self._process.pid

    def __enter__(self) -> Self:
        """Start it and load the images."""
        try:
            self.start()
            self.load(images.archive())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it with everything that it made."""
        self.close()

    def start(self) -> None:
        """Start containerd; return when it can start pods. Repeatable."""
        if self._process is not None and self._process.running():
            return
        config = str(self.directory / "containerd.toml")
        argv = ["containerd", "--config", config]
        self._process = Process(argv, log=self.directory / "containerd.log")
        self._process.wait_until(self._is_ready)

    def stop(self) -> None:
        """Stop containerd gracefully; containers go on. Repeatable."""
        if self._process is not None:
            self._process.stop()

    def kill9(self) -> None:
        """End containerd as a crash would; containers go on. Repeatable."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop and start containerd; containers go on."""
        self.stop()
        self.start()

    def load(self, archive: bytes) -> None:
        """Load the images of a `docker save` archive."""
        self.ctr("images", "import", "-", stdin=archive)

    def push(self, image: str, target: str, *, login: tuple[str, str] | None = None) -> None:
        """Push *image* to a registry under the name *target* (host:port/path:tag), which containerd
        itself does not get to know.
        """
        place = "docker.io" if "/" in image else "docker.io/library"
        user = ["--user", ":".join(login)] if login else []
        self.ctr("images", "push", "--plain-http", *user, target, f"{place}/{image}")

    def ctr(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run containerd's own client in the pods' namespace; AssertionError when it fails."""
        argv = ["ctr", "--address", str(self.socket_path), "--namespace", "k8s.io", *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr.decode().strip()}"
        return done.stdout.decode()

    def containers(self) -> list[str]:
        """List the ids of all containers, ended ones too."""
        return self.ctr("containers", "list", "--quiet").split()

    def bundle(self, container: str) -> Path:
        """The directory that containerd has for a container's task while there is one."""
        return self.directory / "state" / "io.containerd.runtime.v2.task" / "k8s.io" / container

    def remove_containers(self) -> None:
        """Remove every container, as a test's own end may want it."""
        for container in self.containers():
            with suppress(AssertionError):
                self.ctr("tasks", "delete", "--force", container)
            self.ctr("containers", "delete", container)

    def close(self) -> None:
        """Remove containers, programs, mounts, control groups, bridge and directory. Repeatable."""
        if self._closed:
            return  # by now the name may be another engine's
        self._closed = True
        self.stop()
        claim.remove(self.directory)

    def _is_ready(self) -> bool:
        """Tell whether pods can be started: the interface answers and has found its network."""
        if not self.socket_path.exists():
            return False
        with grpc.insecure_channel(self.url) as channel:
            stub: Any = runtime_pb2_grpc.RuntimeServiceStub(channel)  # type: ignore[no-untyped-call] # generated
            try:
                answer = stub.Status(runtime_pb2.StatusRequest(), timeout=10, wait_for_ready=True)
            except grpc.RpcError:
                return False
        return all(condition.status for condition in answer.status.conditions)

    def _write_network(self, subnet: IPv4Network) -> None:
        where = self.directory / "net.d"
        where.mkdir()
        ipam = {
            "type": "host-local",
            "dataDir": str(self.directory / "ipam"),
            "ranges": [[{"subnet": str(subnet)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": self.bridge, "ipam": ipam}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        network = {"cniVersion": "0.4.0", "name": self.bridge, "plugins": [bridge, ports]}
        (where / "10-bridge.conflist").write_text(json.dumps(network, indent=2))

    def _write_config(self) -> None:
        where = self.directory
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        (where / "containerd.toml").write_text(
            "version = 2\n"
            f'root = "{where}/root"\n'
            f'state = "{where}/state"\n'
            f"disabled_plugins = {json.dumps(_WITHOUT)}\n"
            f'[grpc]\naddress = "{self.socket_path}"\n'
            f'[ttrpc]\naddress = "{where}/ttrpc.sock"\n'
            f"{cri}]\n"
            "disable_apparmor = true\n"
            "restrict_oom_score_adj = true\n"
            f'{cri}.cni]\nbin_dir = "{_CNI}"\nconf_dir = "{where}/net.d"\n'
            f'{cri}.containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n'
            f'runtime_path = "{self._shim()}"\n'
            f'{cri}.containerd.runtimes.runc.options]\nBinaryName = "{self._runtime}"\n'
            # Engines side by side may well have containers of the same names.
            f'Root = "{where}/runc"\n'
        )

    def _shim(self) -> str:
        """Return the shim that has crun work here; empty for containerd's own."""
        if self._runtime == "runc" or not Path("/sys/fs/cgroup/unified").is_mount():
            return ""
        program = self.directory / "shim"
        program.write_bytes(_SHIM.read_bytes())
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)
