"""Calls on a connection whose errors are ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Any, TypeVar

from grpc import aio

from argoexec_cli.rpc.status import from_status

_T = TypeVar("_T")


async def answered(call: Awaitable[_T], address: str) -> _T:
    """Await a unary call. Cancelling this cancels the call."""
    try:
        return await call
    except aio.AioRpcError as exc:
        raise from_status(exc, address) from exc


async def streamed(call: AsyncIterator[_T], address: str) -> AsyncGenerator[_T, None]:
    """Yield the messages of a streaming call. Closing this generator cancels the call."""
    opened: Any = call
    try:
        async for message in call:
            yield message
    except aio.AioRpcError as exc:
        raise from_status(exc, address) from exc
    finally:
        opened.cancel()
