"""A machine: boots in a second, is reached by SSH at its address, and has systemd and apt."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from tests.engines import kernel
from tests.engines.process import Process
from tests.lab import claim, network
from tests.lab.rootfs import USER, put, root_fs

_RUNNER: Final = Path(__file__).with_name("nspawn.sh")
_OWN_SUBNET: Final = IPv4Network("10.214.0.0/24")
_POWER_OFF_S: Final = 20.0
_DISK: Final = ("upper", "docker", "containerd")


class Machine:
    """Off at first. Its disk lives until `remove`, however often it is started and stopped."""

    def __init__(self, address: str = "", disk: Path | None = None) -> None:
        """Claim a name and a disk, with what another machine had on it where *disk* is a copy of
        that; without *address* it gets one of the lab's own.
        """
        self.directory = claim.claim()
        self.name = self.directory.name
        self.address = address or str(_OWN_SUBNET[claim.number(self.directory) + 2])
        self.root = self.directory / "root"
        self.on_power_off: Callable[[], None] = lambda: None
        self._helpers: list[Process] = []
        self._system: subprocess.Popen[bytes] | None = None
        self._expected_off = True
        try:
            self._make_disk(disk)
            network.connect(self.name, self.address)
            self._helpers.append(network.open_way_out(self.directory))
        except BaseException:
            self.remove()
            raise

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it with its disk."""
        self.remove()

    def authorize(self, public_key: str) -> None:
        """Let the key's owner log in as `USER`, where no cloud does that."""
        put(self.root, "etc/cloud/cloud-init.disabled", b"")
        put(self.root, f"home/{USER}/.ssh/authorized_keys", public_key.encode())
        for path in (f"home/{USER}/.ssh", f"home/{USER}/.ssh/authorized_keys"):
            (self.root / path).chmod(0o700)
        owner = f"{(self.root / 'home' / USER).stat().st_uid}:1000"
        subprocess.run(["chown", "-R", owner, str(self.root / f"home/{USER}/.ssh")], check=True)
        key = str(self.root / "etc/ssh/ssh_host_ed25519_key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)

    def serve_metadata(self, document: dict[str, Any]) -> None:
        """Answer what its cloud-init and programs ask of the metadata address. Repeatable."""
        path = self.directory / "metadata.json"
        path.write_bytes(msgspec.json.encode(document))
        if len(self._helpers) == 1:
            argv = ["ip", "netns", "exec", self.name, sys.executable, "-m", "tests.lab.imds"]
            self._helpers.append(Process([*argv, str(path)], log=self.directory / "metadata.log"))

    def start(self) -> None:
        """Switch it on; returns at once. It must be off."""
        self._expected_off = False
        with (self.directory / "console.log").open("ab") as console:
            self._system = subprocess.Popen(
                [str(_RUNNER), str(self.directory)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, args=(self._system,), daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it is switched on."""
        return self._system is not None and self._system.poll() is None

    def answers(self) -> bool:
        """Tell whether its SSH server is up."""
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def run(self, *argv: str) -> str:
        """Run a program in it, as root and without SSH; AssertionError when it fails."""
        leader = self._leader()
        enter = ["nsenter", "--target", str(leader), "--mount", "--uts", "--ipc", "--net", "--pid"]
        enter += ["--root", "--wd=/"]
        done = subprocess.run([*enter, *argv], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def power_off(self) -> None:
        """Switch it off in good order, as an instance is stopped. Repeatable."""
        self._expected_off = True
        if self._system is not None and self.running:
            subprocess.run(["kill", "-RTMIN+4", str(self._leader())], check=False)
            try:
                self._system.wait(_POWER_OFF_S)
            except subprocess.TimeoutExpired:
                self.crash()
        self._clear()

    def reboot(self) -> None:
        """Restart it from inside."""
        subprocess.run(["kill", "-RTMIN+5", str(self._leader())], check=True)

    def crash(self) -> None:
        """Cut its power. Repeatable."""
        self._expected_off = True
        if self._system is not None and self.running:
            self._system.send_signal(signal.SIGKILL)
        self._clear()
        if self._system is not None:
            self._system.wait()

    def remove(self) -> None:
        """Remove it with everything that it was. Repeatable."""
        if not self.directory.exists():
            return
        self.crash()
        for helper in self._helpers:
            helper.kill()
        claim.remove(self.directory)

    def _clear(self) -> None:
        """End what goes on without the machine's init, and let its groups be made anew."""
        kernel.kill_cgroups(self.name)
        kernel.remove_cgroups(self.name)

    def _watch(self, system: subprocess.Popen[bytes]) -> None:
        """Tell of an end that came from inside."""
        system.wait()
        if not self._expected_off:
            self.on_power_off()

    def _leader(self) -> int:
        """Return the pid of its init."""
        assert self._system is not None, f"{self.name} is off"
        pids = [self._system.pid]
        while pids:
            pid = pids.pop()
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                return pid
            pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        raise AssertionError(f"{self.name} has not started its init")

    def copy_disk(self, target: Path) -> None:
        """Write what is on its disk, and not in the shared file system, to a directory."""
        for name in _DISK:
            subprocess.run(["cp", "-a", str(self.directory / name), str(target)], check=True)

    def _make_disk(self, disk: Path | None) -> None:
        """Lay a writable layer over the shared file system; engines get directories outside it."""
        for name in ("work", "root"):
            (self.directory / name).mkdir()
        for name in _DISK:
            if disk is None:
                (self.directory / name).mkdir()
            else:
                argv = ["cp", "-a", str(disk / name), str(self.directory)]
                subprocess.run(argv, check=True)
        lower, upper = root_fs(), self.directory / "upper"
        options = f"lowerdir={lower},upperdir={upper},workdir={self.directory / 'work'}"
        argv = ["mount", "-t", "overlay", "overlay", "-o", options, str(self.root)]
        subprocess.run(argv, check=True)
        put(self.root, "etc/hostname", f"{self.name}\n".encode())
        put(self.root, "etc/hosts", f"127.0.0.1 localhost {self.name}\n".encode())
