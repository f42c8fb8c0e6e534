"""The Container Network Interface: the host's programs that join a namespace to a network.

The host's administrator describes the network in a directory; the first file there, by name, is the
pods'. (github.com/containernetworking/cni, SPEC.md: versions 0.3.1 to 1.0.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    PreconditionError,
    UnavailableError,
)
from argoexec_cli.proc import Child, Finished, run
from argoexec_cli.runtime.base import Port

_LIMIT_S: Final = 60.0
_INTERFACE: Final = "eth0"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NO_ADDRESS: Final = "no ip addresses available"
"""So says host-local, the usual plugin that gives addresses; others say it in other words."""
_ENDINGS: Final = frozenset({".conf", ".conflist", ".json"})


class Plugin(msgspec.Struct, frozen=True):
    """One step of making a network: the program's name and all that it is told."""

    type: str
    config: dict[str, Any]

    @property
    def maps_ports(self) -> bool:
        """Whether it leads ports of the host to the namespace."""
        return bool((self.config.get("capabilities") or {}).get("portMappings"))


class Conflist(msgspec.Struct, frozen=True):
    """A network, step by step."""

    name: str
    version: str
    plugins: tuple[Plugin, ...]

    @property
    def maps_ports(self) -> bool:
        """Whether ports of the host can lead to a namespace in it."""
        return any(plugin.maps_ports for plugin in self.plugins)


class Attachment(msgspec.Struct, frozen=True):
    """A namespace that is, or is to be, joined to a network; the result of the last step; the
    ports of the host that lead there.
    """

    network: Conflist
    container: str
    namespace: str
    result: dict[str, Any] | None = None
    ports: tuple[Port, ...] = ()


class Cni:
    """Makes and removes attachments."""

    def __init__(self, configuration: str, programs: Sequence[str]) -> None:
        """Look for networks in directory *configuration*, for programs in those of *programs*."""
        self._configuration = Path(configuration)
        self._programs = programs

    def load(self) -> Conflist:
        """Read what the pods' network is. `PreconditionError`: nothing usable is there."""
        hint = f"describe the pods' network: ls {self._configuration}"
        try:
            files = sorted(self._configuration.iterdir())
        except OSError as exc:
            problem = f"cannot read {self._configuration}: {exc.strerror}"
            raise PreconditionError(problem, hint=hint) from exc
        for path in files:
            if path.suffix in _ENDINGS and (network := _parse(path)):
                return network
        raise PreconditionError(f"no network is described in {self._configuration}", hint=hint)

    async def attach(self, wanted: Attachment) -> Attachment:
        """Join the namespace to its network. When it fails, call `detach`: some steps are done."""
        for plugin in _steps(wanted):
            result = await self._run(plugin, "ADD", wanted)
            wanted = msgspec.structs.replace(wanted, result=_decode(result) or wanted.result)
        return wanted

    async def detach(self, attachment: Attachment) -> None:
        """Undo what `attach` did, or some of it. Repeatable."""
        for plugin in reversed(_steps(attachment)):
            await self._run(plugin, "DEL", attachment)

    async def _run(self, plugin: Plugin, command: str, attachment: Attachment) -> bytes:
        network = attachment.network
        config = plugin.config | {"name": network.name, "cniVersion": network.version}
        if attachment.result is not None:
            config["prevResult"] = attachment.result
        # Says what may be told; what is told comes in its place.
        config.pop("capabilities", None)
        if plugin.maps_ports:
            config["runtimeConfig"] = {"portMappings": [_mapping(one) for one in attachment.ports]}
        env = {
            "PATH": _PATH,
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": attachment.container,
            "CNI_NETNS": attachment.namespace,
            "CNI_IFNAME": _INTERFACE,
            "CNI_ARGS": "IgnoreUnknown=1",
            "CNI_PATH": ":".join(self._programs),
        }
        argv = [await asyncio.to_thread(self._program, plugin.type)]
        done = await run(Child(argv, _LIMIT_S, env, msgspec.json.encode(config)))
        if done.exit_code:
            raise _refused(plugin, command, done)
        return done.stdout

    def _program(self, name: str) -> str:
        for directory in self._programs:
            if (path := Path(directory) / name).is_file():
                return str(path)
        raise PreconditionError(
            f"the network program {name} is not in {' or '.join(self._programs)}",
            hint="apt-get install containernetworking-plugins",
        )


def addresses(attachment: Attachment) -> list[str]:
    """Return the addresses of the namespace, the first family first."""
    ips = (attachment.result or {}).get("ips", [])
    return [str(one["address"]).partition("/")[0] for one in ips]


def name_servers(attachment: Attachment) -> str:
    """Return what the network says of name servers, as resolv.conf has it; empty: nothing."""
    dns = (attachment.result or {}).get("dns") or {}
    lines = [f"nameserver {server}" for server in dns.get("nameservers") or ()]
    if lines and dns.get("search"):
        lines.append(f"search {' '.join(dns['search'])}")
    return "".join(f"{line}\n" for line in lines)


def _steps(attachment: Attachment) -> list[Plugin]:
    """Return the steps that do something: portmap without ports only looks for rules to delete."""
    plugins = attachment.network.plugins
    return [one for one in plugins if attachment.ports or one.type != "portmap"]


def _mapping(port: Port) -> dict[str, Any]:
    return {
        "hostPort": port.host_port,
        "containerPort": port.container_port,
        "protocol": port.protocol.lower(),
        "hostIP": port.host_ip,
    }


def _parse(path: Path) -> Conflist | None:
    """Read a network from a file; None when it describes none."""
    try:
        content = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        steps = content["plugins"] if path.suffix == ".conflist" else [content]
        plugins = tuple(Plugin(step["type"], step) for step in steps)
        return Conflist(content["name"], content.get("cniVersion", "0.3.1"), plugins)
    except (OSError, msgspec.MsgspecError, KeyError, TypeError):
        return None


def _decode(output: bytes) -> dict[str, Any]:
    return msgspec.json.decode(output, type=dict[str, Any]) if output.strip() else {}


def _refused(plugin: Plugin, command: str, done: Finished) -> ArgoexecError:
    """Say in the program's words what went wrong: JSON on stdout, or anything on stderr."""
    try:
        answer = msgspec.json.decode(done.stdout, type=dict[str, Any])
        words = " ".join(str(answer[part]) for part in ("msg", "details") if answer.get(part))
    except msgspec.MsgspecError:
        words = (done.stderr or done.stdout).decode(errors="replace").strip()
    task = "make" if command == "ADD" else "remove"
    problem = (
        f"cannot {task} the pod's network: {plugin.type}: {words or f'exit code {done.exit_code}'}"
    )
    if _NO_ADDRESS in words.lower():
        return CapacityError(
            problem, hint="run fewer pods at a time, or widen the subnet: ls /etc/cni/net.d"
        )
    return UnavailableError(problem, hint="check the host's pod network: ls /etc/cni/net.d")
