"""What an engine leaves in the kernel: bridges, mounts, control groups, shims. Made and removed."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_PREFIX = "axe"
_ADDRESSES = IPv4Network("10.216.0.0/14")
"""Of all engines. Each has about as many as a bridge can have ports."""


def claim_bridge() -> tuple[str, IPv4Interface]:
    """Make a bridge that nobody else has and return its name and address.

    The kernel refuses a second bridge of the same name, so the name is the lock, and the number
    in it picks the subnet: engines that run at the same time never share one.
    """
    for number, subnet in enumerate(_ADDRESSES.subnets(new_prefix=22)):
        name = f"{_PREFIX}{number}"
        made = subprocess.run(
            ["ip", "link", "add", name, "type", "bridge"], capture_output=True, check=False
        )
        if made.returncode == 0:
            address = IPv4Interface(f"{subnet[1]}/{subnet.prefixlen}")
            subprocess.run(["ip", "address", "add", str(address), "dev", name], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
            return name, address
        if b"File exists" not in made.stderr:
            raise AssertionError(f"cannot make a bridge: {made.stderr.decode().strip()}")
    raise AssertionError("256 bridges are taken; remove what is left of earlier runs")


def remove_bridge(name: str) -> None:
    """Remove a bridge of ours; one that is gone already is fine."""
    subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)


def ports(bridge: str) -> list[str]:
    """List the links that are joined to *bridge*: one for each container."""
    return [port.name for port in Path(f"/sys/class/net/{bridge}/brif").iterdir()]


def port_rules(bridge: str) -> list[str]:
    """List the rules by which portmap leads ports of the host to pods on *bridge*."""
    return [one for one in _iptables("-S").splitlines() if f'dnat name: \\"{bridge}\\"' in one]


def remove_port_rules(bridge: str) -> None:
    """Remove the rules by which portmap led ports to pods on *bridge*; there may be none."""
    for entry in port_rules(bridge):
        rule = shlex.split(entry)
        _iptables("-D", *rule[1:])
        _iptables("-F", rule[-1])
        _iptables("-X", rule[-1])


def _iptables(*arguments: str) -> str:
    argv = ["iptables", "--wait", "--table", "nat", *arguments]
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def mounts_below(directory: Path) -> list[str]:
    """List what is mounted below *directory*, the innermost first."""
    prefix = f"{directory}/"
    fields = (line.split(" ") for line in Path("/proc/self/mountinfo").read_text().splitlines())
    points = [re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), field[4]) for field in fields]
    return [point for point in reversed(points) if point.startswith(prefix)]


def unmount_below(directory: Path) -> None:
    """Unmount everything below *directory*, lazily where something is still in use."""
    for point in mounts_below(directory):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)


def cgroups_of(parent: str) -> list[Path]:
    """List the control groups named *parent* in every hierarchy (v1, hybrid and v2)."""
    places = [_CGROUPS, *(entry for entry in _CGROUPS.iterdir() if entry.is_dir())]
    return [place / parent for place in places if (place / parent).is_dir()]


def kill_cgroups(parent: str) -> None:
    """Kill the processes in the control groups named *parent*: containers whose shim is gone."""
    _kill_until_none(lambda: _members(parent))


def _members(parent: str) -> list[int]:
    pids: set[int] = set()
    for top in cgroups_of(parent):
        for listing in top.rglob("cgroup.procs"):
            with suppress(OSError):
                pids.update(map(int, listing.read_text().split()))
    return list(pids)


def remove_cgroups(parent: str, *, limit_s: float = 30.0) -> None:
    """Remove the control groups named *parent* with all below them; waits for processes that end.

    A killed process counts as one of its group's until the kernel has taken it apart.
    """
    deadline = time.monotonic() + limit_s
    while tops := cgroups_of(parent):
        for top in tops:
            for directory, _, _ in os.walk(top, topdown=False):
                with suppress(OSError):
                    Path(directory).rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)


def processes_naming(path: Path) -> list[int]:
    """List the processes that have *path*, or something below it, among their arguments.

    Also as the value of an option, as in `--option=path`.
    """
    needle = os.fsencode(path)

    def named(word: bytes) -> bool:
        return word == needle or word.startswith(needle + b"/")

    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if any(named(word) or named(word.partition(b"=")[2]) for word in arguments):
                found.append(int(entry.name))
    return found


def kill_naming(path: Path) -> None:
    """Kill the processes that name *path* (a directory of ours alone) and see them go."""
    _kill_until_none(lambda: processes_naming(path))


def _kill_until_none(find: Callable[[], list[int]], *, limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while (pids := find()) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
