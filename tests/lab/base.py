"""What every kind of machine of the lab has: a name, a network, metadata, a power switch."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from tests.engines import kernel
from tests.engines.process import Process
from tests.lab import claim, network

_OWN_SUBNET: Final = IPv4Network("10.214.0.0/24")


class Base(ABC):
    """Off at first. Its disk lives until `remove`, however often it is started and stopped."""

    def __init__(self, address: str = "", disk: Path | None = None) -> None:
        """Claim a name and a disk, with what another machine had on it where *disk* is a copy of
        that; without *address* it gets one of the lab's own.
        """
        self.directory = claim.claim()
        self.name = self.directory.name
        self.address = address or str(_OWN_SUBNET[claim.number(self.directory) + 2])
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

    def serve_metadata(self, document: dict[str, Any]) -> None:
        """Answer what its cloud-init and programs ask of the metadata address. Repeatable."""
        path = self.directory / "metadata.json"
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(document))
        new.replace(path)  # it is read at any time
        if len(self._helpers) == 1:
            argv = ["ip", "netns", "exec", self.name, sys.executable, "-m", "tests.lab.imds"]
            self._helpers.append(Process([*argv, str(path)], log=self.directory / "metadata.log"))

    def start(self) -> None:
        """Switch it on; returns at once. It must be off."""
        self._expected_off = False
        with (self.directory / "console.log").open("ab") as console:
            self._system = subprocess.Popen(
                self._command(),
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

    @abstractmethod
    def power_off(self) -> None:
        """Switch it off in good order, as an instance is stopped. Repeatable."""

    @abstractmethod
    def reboot(self) -> None:
        """Restart it from inside."""

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

    @abstractmethod
    def copy_disk(self, target: Path) -> None:
        """Write what is on its disk to a directory; it must be off."""

    @abstractmethod
    def _make_disk(self, disk: Path | None) -> None:
        """Make its disk in its directory, of a copy if one is given."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the program that is the machine, for as long as it is on."""

    def _wait_off(self, limit_s: float) -> None:
        """Wait for one that was told to switch itself off; after *limit_s* cut its power."""
        if self._system is not None:
            try:
                self._system.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.crash()

    def _clear(self) -> None:
        """End what goes on without the machine's init, and let its groups be made anew."""
        kernel.kill_cgroups(self.name)
        kernel.remove_cgroups(self.name)

    def _watch(self, system: subprocess.Popen[bytes]) -> None:
        """Tell of an end that came from inside."""
        system.wait()
        if not self._expected_off:
            self.on_power_off()
