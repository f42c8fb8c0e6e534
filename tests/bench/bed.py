"""The test bed: a private engine, a daemon on it, and the commands that both sides run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.engines import kernel
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine

IMAGE = "busybox:1.35"
_READY_S = 20.0
_END_S = 60.0


class Bed:
    """A running daemon on a running engine. `argoexec`, `docker` and `ctr` are argument lists to
    build commands on; only the engine's own of the two is of use.
    """

    def __init__(
        self, engine: DockerEngine | ContainerdEngine, directory: Path, max_pods: int
    ) -> None:
        """Prepare a daemon in *directory*; `start` runs it."""
        self.runtime = "docker" if isinstance(engine, DockerEngine) else "containerd"
        self.engine = engine
        self.directory = directory
        self.network = engine.directory / "net.d" / "10-bridge.conflist"
        self.socket = directory / "argoexec.sock"
        self.env = {
            **os.environ,
            "DOCKER_HOST": engine.url,
            "CONTAINER_RUNTIME_ENDPOINT": engine.url,
            "ARGOEXEC_SERVER": f"unix://{self.socket}",
            "XDG_CONFIG_HOME": str(directory / "config"),
        }
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.argoexec = [str(Path(sys.executable).parent / "argoexec")]
        self.docker = [shutil.which("docker") or "docker"]
        address = engine.url.removeprefix("unix://")
        self.ctr = ["ctr", "--address", address, "--namespace", "k8s.io"]
        self.daemon: subprocess.Popen[bytes] | None = None
        self._max_pods = max_pods

    def start(self) -> float:
        """Start the daemon; returns the seconds until it answered a call."""
        started = time.monotonic()
        self.daemon = subprocess.Popen(
            [
                *self.argoexec,
                "serve",
                *("--socket", str(self.socket)),
                *("--data-dir", str(self.directory / "data")),
                *("--runtime", self.runtime),
                *("--max-pods", str(self._max_pods)),
            ],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=(self.directory / "daemon.log").open("ab"),
        )
        while not self.socket.exists():
            if self.daemon.poll() is not None or time.monotonic() - started > _READY_S:
                raise SystemExit((self.directory / "daemon.log").read_text())
            time.sleep(0.002)
        return time.monotonic() - started

    def stop(self) -> None:
        """Stop the daemon. May be called twice."""
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(_END_S)
            self.daemon = None

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        """Run a command to its end and return its stdout; any failure ends the benchmark."""
        done = subprocess.run(argv, env=self.env, input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"{' '.join(argv[:6])} … ended with {done.returncode}: {done.stderr.decode()}"
            )
        return done.stdout

    def timed(self, argv: Sequence[str]) -> float:
        """Run a command with its output thrown away and return the seconds it took."""
        started = time.monotonic()
        subprocess.run(
            argv, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )
        return time.monotonic() - started

    def rss_bytes(self, *, peak: bool = False) -> int:
        """Return the daemon's resident memory, or the most that it ever was."""
        assert self.daemon is not None
        status = Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        field = "VmHWM" if peak else "VmRSS"
        line = next(line for line in status.splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024

    def manifest(self, pods: list[dict[str, object]]) -> Path:
        """Write pods as one file of several documents (JSON is YAML)."""
        path = self.directory / f"pods-{time.monotonic_ns()}.yaml"
        path.write_text("\n---\n".join(json.dumps(pod) for pod in pods), encoding="utf-8")
        return path


def pod(name: str, *command: str, **spec: object) -> dict[str, object]:
    """Return the manifest of a pod with one container; *spec* is what else it is to have."""
    main = {"name": "main", "image": IMAGE, "command": list(command)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [main], **spec},
    }


@contextmanager
def open_bed(*, max_pods: int = 110) -> Iterator[Bed]:
    """Start Docker Engine and a daemon; remove every trace of both at the end."""
    with DockerEngine() as engine:
        with _open(engine, max_pods) as bed:
            yield bed
        engine.remove_containers()


@contextmanager
def open_containerd_bed(*, max_pods: int = 110) -> Iterator[Bed]:
    """Start containerd, with the faster of the programs that make containers, and a daemon."""
    program: Literal["crun", "runc"] = "crun" if shutil.which("crun") else "runc"
    with ContainerdEngine(runtime=program) as engine:
        with _open(engine, max_pods) as bed:
            yield bed
        engine.remove_containers()


@contextmanager
def _open(engine: DockerEngine | ContainerdEngine, max_pods: int) -> Iterator[Bed]:
    with tempfile.TemporaryDirectory(prefix="axb") as directory:
        bed = Bed(engine, Path(directory), max_pods)
        bed.start()
        try:
            yield bed
        finally:
            bed.stop()
            # The daemon leaves the networks of pods that it has not cleaned up for the next one.
            kernel.unmount_below(Path(directory))
