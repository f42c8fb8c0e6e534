"""A virtual machine: a kernel of its own, so what a container cannot be asked about is real here.

No hardware is needed that virtualises: QEMU translates (TCG), so it boots in half a minute. Inside,
the machine has its address by DHCP; QEMU's own network hands on connections to the ports below.
"""

from __future__ import annotations

import json
import socket
import uuid
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from argoexec_cli.compute.models import DAEMON_PORT
from tests.lab.base import Base
from tests.lab.disk import image
from tests.lab.rootfs import run

PROGRAMS: Final = ("qemu-system-x86_64", "mke2fs")
_PORTS: Final = (22, DAEMON_PORT)
_CORES: Final = "2"  # a t3.small's
_MEMORY_MIB: Final = 2048  # the same
_POWER_OFF_S: Final = 120.0
# Its clock is the host's: without a tick of its own that matters, and without the slow mitigations.
_KERNEL: Final = (
    "root=/dev/vda rw rootflags=noinit_itable console=ttyS0 net.ifnames=0 quiet mitigations=off "
    "random.trust_cpu=on"
)


class VirtualMachine(Base):
    """A QEMU machine that its cloud-init takes for an EC2 instance."""

    def power_off(self) -> None:
        """Press its power button, as EC2 does. Repeatable."""
        self._expected_off = True
        if self.running:
            self._tell("system_powerdown")
            self._wait_off(_POWER_OFF_S)

    def reboot(self) -> None:
        """Press its reset button: EC2 does so with a machine that does not restart by itself."""
        self._tell("system_reset")

    def _tell(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.directory / "qmp"))
            with connection.makefile("rw") as stream:
                stream.readline()  # a greeting
                for each in ("qmp_capabilities", command):
                    stream.write(json.dumps({"execute": each}) + "\n")
                    stream.flush()
                    answer: dict[str, Any] = {}
                    while "return" not in answer:  # events come between
                        answer = json.loads(stream.readline())
                        assert "error" not in answer, answer

    def copy_disk(self, target: Path) -> None:
        """Write the disk to a directory."""
        run("cp", "--sparse=always", self.directory / "disk", target / "disk")

    def _make_disk(self, disk: Path | None) -> None:
        source = disk / "disk" if disk else image().disk
        run("cp", "--sparse=always", source, self.directory / "disk")

    def _command(self) -> list[str]:
        directory, files = self.directory, image()
        # By these it is known for an instance of EC2.
        serial = "ec2" + str(uuid.uuid5(uuid.NAMESPACE_DNS, str(self.directory)))[3:]
        system = f"manufacturer=Amazon EC2,product=t3.small,uuid={serial},serial={serial}"
        return [
            *("ip", "netns", "exec", self.name, "qemu-system-x86_64"),
            *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"),
            *("-smp", _CORES, "-m", str(_MEMORY_MIB), "-display", "none", "-monitor", "none"),
            *("-smbios", "type=0,vendor=Amazon EC2", "-smbios", f"type=1,{system}"),
            *("-kernel", str(files.kernel), "-initrd", str(files.initrd), "-append", _KERNEL),
            *("-drive", f"file={directory}/disk,if=virtio,format=raw,cache=unsafe"),
            *("-netdev", self._network(), "-device", "virtio-net-pci,netdev=lan"),
            *("-device", "virtio-rng-pci", "-serial", "stdio"),
            *("-qmp", f"unix:{directory}/qmp,server=on,wait=off", "-pidfile", f"{directory}/pid"),
        ]

    def _network(self) -> str:
        """Have it find itself at its address; who connects keeps his own."""
        subnet = IPv4Network(f"{self.address}/16", strict=False)
        options = f"user,id=lan,net={subnet},host={subnet[1]},dns={subnet[2]}"
        ports = ",".join(f"hostfwd=tcp:{self.address}:{port}-:{port}" for port in _PORTS)
        return f"{options},dhcpstart={self.address},{ports}"
