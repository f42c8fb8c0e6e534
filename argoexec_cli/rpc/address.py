"""Where a server listens: `unix:///path` or `host:port`, on both ends of the wire."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from argoexec_cli.errors import InvalidError

SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a unix socket's path that Linux takes (`sun_path`, less its closing zero)."""

_HINT: Final = "write it as unix:///run/argoexec.sock or 127.0.0.1:7777"
_HOST_PORT: Final = re.compile(
    r"^(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>\d{1,5})$"
)


class Address(msgspec.Struct, frozen=True):
    """A parsed address: a path, or else a host with its port."""

    path: Path | None = None
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        """Render as a person writes it."""
        if self.path is not None:
            return f"unix://{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def target(self) -> str:
        """Render as gRPC wants it."""
        return f"unix:{self.path}" if self.path is not None else str(self)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it. Of names only localhost is known to be."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Way(msgspec.Struct, frozen=True):
    """Where to connect to, a question: why does nothing come through? ("" when
    unknown), and whether SSH carries it.
    """

    address: Address
    complaint: Callable[[], str]
    carried: bool


def parse_address(text: str) -> Address:
    """Read `unix:///path`, `unix:path`, `host:port` or `[v6]:port`; else `InvalidError`."""
    if text.startswith("unix:"):
        return _parse_path(text)
    match = _HOST_PORT.match(text)
    if not match or int(match["port"]) > 65_535:
        raise InvalidError(f"{text!r} is not an address", hint=_HINT)
    return Address(host=match["v6"] or match["host"], port=int(match["port"]))


def start_hint(shown: str) -> str:
    """Return what to do when no daemon answers at *shown*, which may be `ADDRESS via HOST`."""
    text, _, host = shown.partition(" via ")
    try:
        address = parse_address(text)
    except InvalidError:
        return _HINT
    if host or not address.loopback:
        return f"see that {host or address.host} is up and lets you in, and start the daemon there"
    if address.path is not None:
        return f"argoexec serve --detach --socket {address.path}"
    return f"argoexec serve --detach --listen {address}"


def _parse_path(text: str) -> Address:
    path = Path(text.removeprefix("unix:").removeprefix("//")).absolute()
    if text in ("unix:", "unix://") or "\0" in text:
        raise InvalidError(f"{text!r} has no path", hint=_HINT)
    if (length := len(bytes(path))) > SOCKET_PATH_LIMIT:
        raise InvalidError(
            f"the path of the socket {path} has {length} bytes; {SOCKET_PATH_LIMIT} is the most",
            hint="choose a shorter one, for example unix:///run/argoexec.sock",
        )
    return Address(path=path)
