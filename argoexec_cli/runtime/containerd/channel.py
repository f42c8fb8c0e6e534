"""One containerd, reached: calls with time limits, and with our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from grpc import aio

from argoexec_cli.errors import InvalidError, UnavailableError
from argoexec_cli.runtime.containerd.refusals import Refusal, Row, refused

LIMIT_S: Final = 120.0
"""For one call. Generous: a start takes seconds when a hundred containers start at once."""
NAMESPACE: Final = "k8s.io"
"""containerd's namespace of all our objects: where its interface for kubelets keeps images."""
METADATA: Final = (("containerd-namespace", NAMESPACE),)
_UNIX: Final = "unix://"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),  # a list of all our containers may be long
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
)


class Channel:
    """A connection that is made anew whenever it breaks."""

    def __init__(self, channel: aio.Channel, address: str) -> None:
        """Use *channel*; *address* is for messages."""
        self.grpc = channel
        self.address = address

    async def call(
        self,
        method: Any,
        request: object,
        what: str,
        rows: tuple[Row, ...] = (),
        limit_s: float = LIMIT_S,
    ) -> Any:
        """Call a stub's *method*; cancelling cancels the call in containerd, too.

        *what* is wanted, in the form "start container x"; *rows* are the causes that are told apart
        beside those that `refused` knows. `UnavailableError`: containerd does not answer.
        """
        try:
            return await method(request, timeout=limit_s, metadata=METADATA)
        except aio.AioRpcError as exc:
            raise refused(refusal(exc), what, self.address, rows) from exc

    async def gather(self, method: Any, request: object, what: str) -> list[Any]:
        """Call a stub's *method* that answers in pieces; return them all."""
        try:
            return [one async for one in method(request, timeout=LIMIT_S, metadata=METADATA)]
        except aio.AioRpcError as exc:
            raise refused(refusal(exc), what, self.address) from exc


def refusal(exc: aio.AioRpcError) -> Refusal:
    """Return what came in place of an answer."""
    return Refusal(exc.code(), exc.details() or exc.code().name)


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Channel]:
    """Give the containerd at *address* (`unix:///path`), without asking it anything yet."""
    if not address.startswith(_UNIX):
        raise InvalidError(
            f"{address!r} is not an address of containerd",
            hint="use unix:///run/containerd/containerd.sock",
        )
    if not _exists(address.removeprefix(_UNIX)):
        raise UnavailableError(
            f"no containerd answers at {address} (no such socket)", hint="argoexec doctor"
        )
    async with aio.insecure_channel(address, options=_OPTIONS) as channel:
        yield Channel(channel, address)


def _exists(path: str) -> bool:
    return Path(path).exists()
