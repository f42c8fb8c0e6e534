"""An SSH server of the tests' own, on a port of this machine."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from pathlib import Path
from typing import Self

from argoexec_cli.conformance.ports import unused_port
from argoexec_cli.models.connection import Ssh
from tests.engines.process import Process

PROGRAMS = ("sshd", "ssh", "ssh-keygen")


class SshServer:
    """Lets one key in, as the user that runs the tests."""

    def __init__(self, directory: Path) -> None:
        """Make the keys below *directory*; start nothing yet."""
        self.directory = directory
        self.known_hosts = directory / "known_hosts"
        self.identity = directory / "identity"
        self.log = directory / "sshd.log"
        self.port = unused_port()
        make_key(self.identity)
        self.renew_host_key()
        self.remember()
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def login(self) -> Ssh:
        """How one logs in."""
        return Ssh(
            host="127.0.0.1",
            user=getpass.getuser(),
            port=self.port,
            identity_file=str(self.identity),
            known_hosts_file=str(self.known_hosts),
        )

    def renew_host_key(self) -> None:
        """Give it another host key, as another machine has; from its next start on."""
        for path in self.directory.glob("host_key*"):
            path.unlink()
        make_key(self.directory / "host_key")

    def remember(self) -> None:
        """Write its host key into the file of known ones."""
        kind, key = (self.directory / "host_key.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def start(self, *settings: str) -> None:
        """Start it with further lines of settings; return when it listens."""
        config = self.directory / "sshd_config"
        lines = (
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.directory}/host_key",
            f"AuthorizedKeysFile {self.identity}.pub",
            f"PidFile {self.directory}/pid",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            "UseDNS no",
            *settings,
        )
        config.write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)]
        self._process = Process(argv, log=self.log)
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        """Stop it. Repeatable."""
        if self._process is not None:
            self._process.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def make_key(path: Path) -> None:
    """Make a key pair without a passphrase."""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(argv, check=True)
