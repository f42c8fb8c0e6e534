"""A fleet of one virtual machine, as its owner has it, and a look into the machine."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any, Final

from argoexec_cli.errors import ExitCode
from tests.compute.fleet.program import IMAGES, Program
from tests.lab.ec2 import Ec2
from tests.lab.network import GATEWAY
from tests.lab.rootfs import USER

LIMIT_S: Final = 3600.0
"""For what takes a minute on hardware: the processor is translated, and others use this machine."""
_WHERE: Final = ("--connect", "private", "--allow", f"{GATEWAY}/32", "--instance-type", "t3.small")


class VirtualFleet:
    """Made by `provision`; `destroy` is the owner's."""

    def __init__(self, program: Program, ec2: Ec2, runtime: str) -> None:
        """Make it."""
        self.program = program
        self.runtime = runtime
        self.name = f"vm-{runtime}"
        # Offline, because the index's pages are large, and slow to read for a translated processor.
        wanted = ("provision", self.name, "--runtime", runtime, *_WHERE, "--offline", "--yes")
        deadline, ended = time.monotonic() + LIMIT_S, program(*wanted, "-o", "json")
        # Where others use this machine it boots for longer than we wait: the same command goes on.
        while ended.code == ExitCode.TIMED_OUT and time.monotonic() < deadline:
            ended = program(*wanted, "-o", "json")
        self.made = json.loads(ended.good().out)["hosts"][0]
        self.host = ec2.hosts[self.made["id"]]
        self.address = self.made["privateIp"]

    def argoexec(self, *arguments: str) -> str:
        """Run a command of the program's about the fleet; return what it printed."""
        return self.program("--context", self.name, *arguments).good().out

    def submit(self, name: str, script: str, **spec: Any) -> None:
        """Submit a pod of this name that runs *script*; *spec* is of the pod or its container."""
        container: dict[str, Any] = {"name": "main", "image": IMAGES[self.runtime]}
        container |= {"imagePullPolicy": "Never", "command": ["sh", "-c", script]}
        container |= spec.pop("container", {})
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
        pod["spec"] = {"restartPolicy": "Never", "containers": [container], **spec}
        file = self.program.home / f"{name}.json"
        file.write_text(json.dumps(pod))
        self.argoexec("submit", str(file))

    def pod(self, name: str) -> dict[str, Any]:
        """Return a pod's manifest with its status."""
        found: dict[str, Any] = json.loads(self.argoexec("get", f"pod/{name}", "-o", "json"))
        return found

    def ended(self, name: str) -> dict[str, Any]:
        """Wait for a pod's end; return its status."""
        self.program("--context", self.name, "wait", f"pod/{name}", "--timeout", "10m")
        status: dict[str, Any] = self.pod(name)["status"]
        return status

    def output(self, name: str, script: str, **spec: Any) -> str:
        """Run a pod to its end; return what it printed."""
        self.submit(name, script, **spec)
        return self.argoexec("logs", "-f", f"pod/{name}")

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command on the host, as root."""
        own = self.program.home / "fleets" / self.name / "ssh"
        options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR"]
        options += [
            "-o",
            f"UserKnownHostsFile={own / 'known_hosts'}",
            "-i",
            f"{own / 'id_ed25519'}",
        ]
        argv = ["ssh", *options, f"{USER}@{self.address}", f"sudo sh -c {shlex.quote(command)}"]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def say(self, command: str) -> str:
        """Return what a command on the host prints; AssertionError when it fails."""
        done = self.ssh(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def answers(self) -> bool:
        """Tell whether the daemon answers."""
        return self.program("--context", self.name, "list").code == 0

    def daemon(self) -> str:
        """Return the daemon's process id; 0: it does not run."""
        return self.ssh("systemctl show --property MainPID --value argoexec").stdout.strip()

    def restart(self, how: Callable[[], object]) -> None:
        """Have the host boot again; return when its daemon answers."""
        before = self.say("cat /proc/sys/kernel/random/boot_id")
        how()
        until(lambda: self._boot() not in ("", before))
        until(self.answers)

    def _boot(self) -> str:
        return self.ssh("cat /proc/sys/kernel/random/boot_id").stdout.strip()


def until(ready: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait for what happens in its own time."""
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(1)
