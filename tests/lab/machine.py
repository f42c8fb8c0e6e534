"""A machine: boots in a second, is reached by SSH at its address, and has systemd and apt."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.lab.base import Base
from tests.lab.rootfs import USER, put, root_fs

_RUNNER: Final = Path(__file__).with_name("nspawn.sh")
_POWER_OFF_S: Final = 90.0
_DISK: Final = ("upper", "docker", "containerd")


class Machine(Base):
    """A systemd-nspawn container. Its file system can be looked into and written from here."""

    @property
    def root(self) -> Path:
        """Where its file system is mounted here."""
        return self.directory / "root"

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
            self._wait_off(_POWER_OFF_S)
        self._clear()

    def reboot(self) -> None:
        """Restart it from inside."""
        subprocess.run(["kill", "-RTMIN+5", str(self._leader())], check=True)

    def _leader(self) -> int:
        """Return the pid of its init."""
        assert self._system is not None, f"{self.name} is off"
        pids = [self._system.pid]
        while pids:
            pid = pids.pop()
            with suppress(FileNotFoundError, ProcessLookupError):  # its starter has others, too
                if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    return pid
                pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        raise AssertionError(f"{self.name} has not started its init")

    def _command(self) -> list[str]:
        return [str(_RUNNER), str(self.directory)]

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
