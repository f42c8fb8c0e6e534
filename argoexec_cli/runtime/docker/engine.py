"""One Docker Engine, reached.

Requests with a time limit, streams without, and every failure to reach it as one error.

aiodocker makes the connection. Its methods are not used beyond that: some read a stream to its end
without telling a broken one from a finished one, which is exactly what recovery has to know.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from argoexec_cli.errors import InvalidError, UnavailableError, UnsupportedError
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.http import aiodocker, aiohttp

_T = TypeVar("_T")

API_VERSION: Final = (1, 41)
"""The API that this package is written for (Docker Engine 20.10).

Newer engines are asked to speak it.
"""
LIMIT_S: Final = 120.0
"""For one question. Generous: starting a container takes seconds when a hundred start at once."""
_UNIX: Final = "unix://"
_TCP: Final = ("tcp://", "http://", "https://")


class Answer(NamedTuple):
    """The answer to one request, good or bad."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the engine did it; 304 (was so already) counts."""
        return self.status < 400

    @property
    def message(self) -> str:
        """The engine's words for what went wrong."""
        try:
            return str(msgspec.json.decode(self.body)["message"])
        except (msgspec.DecodeError, KeyError, TypeError):
            return self.body.decode(errors="replace").strip() or f"HTTP status {self.status}"

    def decode(self, kind: type[_T]) -> _T:
        """Read the body as *kind*. UnavailableError when it is no such thing.

        Then it was no engine that answered.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as exc:
            raise UnavailableError(
                f"the answer is not Docker Engine's: {exc}", hint="argoexec doctor"
            ) from exc


class Engine:
    """An engine and how to talk to it. Nothing is kept between calls but the connections."""

    def __init__(self, docker: aiodocker.Docker, host: str) -> None:
        """Use *docker*'s session; *host* is for messages."""
        self._session = docker.session
        self._base = docker.docker_host
        self._host = host
        self._prefix = ""
        self.making = asyncio.Lock()
        """Held by whoever makes an image: several at once would make it several times."""

    @property
    def prefix(self) -> str:
        """What paths begin with: the API's version, once it is agreed on."""
        return self._prefix

    async def negotiate(self) -> None:
        """Agree on the API's version; UnsupportedError when the engine is older than ours.

        An engine that speaks ours is not asked for its own: it runs programs to tell of theirs.
        """
        agreed: tuple[int, ...] = API_VERSION
        if not (await self.call("GET", f"{_prefix(agreed)}/_ping", limit_s=10)).ok:
            version = (await self.call("GET", "/version", limit_s=10)).decode(wire.Version)
            if _numbers(version.api_version) < API_VERSION:
                raise UnsupportedError(
                    f"Docker Engine {version.version} is too old",
                    hint="install version 20.10 or newer",
                )
            agreed = max(API_VERSION, _numbers(version.min_api_version))
        self._prefix = _prefix(agreed)

    async def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        *,
        limit_s: float = LIMIT_S,
    ) -> Answer:
        """Send one request and read its answer, whatever its status. A body of bytes goes as is."""
        data = None if body is None else io.BytesIO(_encode(body))
        with self._reaching():
            async with (
                asyncio.timeout(limit_s),
                self._session.request(
                    method, self._url(path), params=params, data=data, headers=_JSON
                ) as response,
            ):
                return Answer(response.status, await response.read())

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request and read its answer bit by bit, without a limit in time.

        UnavailableError, raised into the block, when the connection breaks.
        """
        with self._reaching():
            request = self._session.request(
                method, self._url(path), params=params, headers={**_JSON, **(headers or {})}
            )
            async with request as response:
                yield response

    def _url(self, path: str) -> str:
        return f"{self._base}{self._prefix}{path}"

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn every way in which an engine can be out of reach into UnavailableError."""
        try:
            yield
        except aiohttp.ClientPayloadError as exc:
            raise UnavailableError(
                f"Docker Engine at {self._host} closed the connection", hint="argoexec doctor"
            ) from exc
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise UnavailableError(
                f"Docker Engine at {self._host} does not answer: {_cause(exc)}",
                hint="argoexec doctor",
            ) from exc


def _cause(exc: Exception) -> str:
    """Say in the system's words, or ours, what aiohttp words for programmers."""
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "it closed the connection"
    if isinstance(exc, OSError) and exc.errno is not None:
        # A host name that does not resolve has a negative number, which is no errno.
        words = os.strerror(exc.errno) if exc.errno > 0 else exc.strerror
        return words.lower() if words else type(exc).__name__
    return str(exc) or type(exc).__name__


def _encode(body: object) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


_JSON: Final[dict[str, str]] = {"Content-Type": "application/json"}


@asynccontextmanager
async def connect(host: str) -> AsyncIterator[Engine]:
    """Give the engine at *host* (`unix:///path` or `tcp://host:port`), not asked anything yet.

    Connections have no upper number: where logs come over the API, each live container holds one.
    """
    connector, url = _connector(host)
    docker = aiodocker.Docker(url=url, connector=connector, timeout=aiohttp.ClientTimeout())
    try:
        yield Engine(docker, host)
    finally:
        await docker.close()
        await connector.close()
        # A stream that was cancelled just now closes its socket in the loop's next round; aiohttp
        # waits only for the connections that it still counts.
        await asyncio.sleep(0)


def _connector(host: str) -> tuple[aiohttp.BaseConnector, str]:
    if host.startswith(_UNIX):
        # Any host name will do: the socket's path is the address.
        return aiohttp.UnixConnector(host.removeprefix(_UNIX), limit=0), "http://localhost"
    for scheme in _TCP:
        if host.startswith(scheme):
            secure = "https" if scheme == "https://" else "http"
            return aiohttp.TCPConnector(limit=0), f"{secure}://{host.removeprefix(scheme)}"
    raise InvalidError(
        f"{host!r} is not an address of Docker Engine", hint="use unix:///var/run/docker.sock"
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Make an API version comparable."""
    return tuple(int(part) for part in version.split("."))


def _prefix(version: tuple[int, ...]) -> str:
    return f"/v{'.'.join(map(str, version))}"


def encode_filters(**filters: list[str]) -> dict[str, Any]:
    """Encode filters as the API wants them: one query parameter that holds JSON."""
    return {"filters": msgspec.json.encode(filters).decode()}
