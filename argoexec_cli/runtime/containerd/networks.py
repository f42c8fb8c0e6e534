"""The networks of one owner: a namespace each, joined to the pods' network of the host.

What was made is written down before it is made, so that whatever a crash leaves can be unmade.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import uuid
from pathlib import Path
from typing import Final

import msgspec

from argoexec_cli.errors import ArgoexecError, PreconditionError
from argoexec_cli.runtime.base import Port
from argoexec_cli.runtime.containerd import namespaces
from argoexec_cli.runtime.containerd.cni import Attachment, Cni, addresses, name_servers
from argoexec_cli.runtime.containerd.files import making
from argoexec_cli.runtime.containerd.hostports import HostPorts
from argoexec_cli.runtime.pool import Network

_log = logging.getLogger(__name__)
_RESOLV_CONF: Final = Path("/etc/resolv.conf")
_REAL_RESOLV_CONF: Final = Path("/run/systemd/resolve/resolv.conf")
"""Where a host is whose resolv.conf names only a server of its own, which no pod can reach."""


class Networks:
    """Makes, finds and removes networks."""

    def __init__(self, directory: Path, cni: Cni) -> None:
        """Keep them below *directory*."""
        self._directory = directory
        self._cni = cni
        self._host_ports = HostPorts()

    def namespace(self, network: str) -> Path:
        """Return where the namespace of a network is."""
        return self._directory / network / "netns"

    async def make(self, ports: tuple[Port, ...] = ()) -> Network:
        """Make a network, to which *ports* of the host lead.

        Cancelled or failed, it leaves nothing but what `find_all` clears up. `AlreadyExistsError`:
        a port is taken.
        """
        conflist = await asyncio.to_thread(self._cni.load)
        if ports and not conflist.maps_ports:
            raise PreconditionError(
                f"the network {conflist.name} leads no ports of the host to pods",
                hint="add the plugin portmap to it, as the Ansible role containerd does",
            )
        name = uuid.uuid4().hex[:12]
        pin = self.namespace(name)
        wanted = Attachment(conflist, f"argoexec-{name}", str(pin), ports=ports)
        self._host_ports.hold(name, ports)
        try:
            await asyncio.to_thread(_begin, pin, wanted)
            made = await self._cni.attach(wanted)
            await asyncio.to_thread(_note, pin.parent, made)
        except ArgoexecError:
            await self._give_up(name)
            raise
        return await asyncio.to_thread(_network, name, made)

    async def remove(self, network: str) -> None:
        """Remove a network. Repeatable."""
        directory = self._directory / network
        attachment = await asyncio.to_thread(_noted, directory)
        if attachment is not None:
            pin = self.namespace(network)
            if not namespaces.is_kept(pin):
                # Since a boot of the host only its address is left.
                attachment = msgspec.structs.replace(attachment, namespace="")
            await self._cni.detach(attachment)
        await asyncio.to_thread(_discard, directory)
        self._host_ports.release(network)

    async def find_all(self) -> list[Network]:
        """Return the networks that there are, and remove what is left of others.

        Ports that lead to them are held again: only this process kept others from listening there.
        """
        found = []
        for directory in await asyncio.to_thread(_entries, self._directory):
            made = await asyncio.to_thread(_noted, directory)
            if made and made.result is not None and namespaces.is_kept(directory / "netns"):
                self._hold_again(directory.name, made)
                found.append(await asyncio.to_thread(_network, directory.name, made))
            else:
                await self._give_up(directory.name)
        return found

    def close(self) -> None:
        """Hold no port any more. Networks stay, and ports lead to them."""
        self._host_ports.close()

    def _hold_again(self, network: str, made: Attachment) -> None:
        try:
            self._host_ports.hold(network, made.ports)
        except ArgoexecError as exc:
            _log.warning("while no daemon ran: %s", exc.message)

    async def _give_up(self, network: str) -> None:
        try:
            await self.remove(network)
        except ArgoexecError as exc:
            _log.warning("network %s stays: %s", network, exc.message)


def host_resolv_conf() -> str:
    """Return the host's name servers as a pod can use them; at least an empty line."""
    text = _read(_RESOLV_CONF)
    servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
    if servers and all(server.startswith("127.") for server in servers):
        text = _read(_REAL_RESOLV_CONF) or text
    return text or "\n"


def _begin(pin: Path, wanted: Attachment) -> None:
    with making(pin.parent):
        pin.parent.mkdir(mode=0o700, parents=True)
    _note(pin.parent, wanted)
    namespaces.make_network_namespace(pin)


def _note(directory: Path, attachment: Attachment) -> None:
    half = directory / "network.json.half"
    with making(half):
        half.write_bytes(msgspec.json.encode(attachment))
        half.rename(directory / "network.json")


def _noted(directory: Path) -> Attachment | None:
    try:
        return msgspec.json.decode((directory / "network.json").read_bytes(), type=Attachment)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _discard(directory: Path) -> None:
    if directory.exists():
        namespaces.let_go(directory / "netns")
        shutil.rmtree(directory, ignore_errors=True)


def _network(name: str, made: Attachment) -> Network:
    ip = next(iter(addresses(made)), "")
    return Network(name, ip, name_servers(made) or host_resolv_conf(), private=bool(made.ports))


def _entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.exists() else []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
