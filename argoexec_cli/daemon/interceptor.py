"""What every call goes through: who may call, errors to statuses, bugs to the log, drains."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final

import grpc
from grpc import aio

from argoexec_cli.daemon.drain import Drain
from argoexec_cli.daemon.lease import Lease
from argoexec_cli.daemon.roles import authorize
from argoexec_cli.errors import ArgoexecError, InternalError
from argoexec_cli.models.roles import Role
from argoexec_cli.rpc.status import to_status

_log = logging.getLogger(__name__)
_HEALTH: Final = "/grpc.health."

Context = aio.ServicerContext[Any, Any]
Serve = Callable[[Any, Context], Any]


class Boundary(aio.ServerInterceptor):
    """Stands around every call of every service.

    Who calls with a certificate may do what its role may. An `ArgoexecError` ends the call with its
    status. Anything else but a cancellation is a bug: the client hears INTERNAL, the log gets the
    traceback. Each call is logged at debug, with its time.
    """

    def __init__(self, drain: Drain, lease: Lease | None = None) -> None:
        """Count the calls for *drain*, which cuts the streams among them.

        Those of the health service are left alone: they are to tell that the daemon stops. Calls of
        whoever may submit renew *lease*.
        """
        self._drain = drain
        self._lease = lease

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Put the boundary around the call's handler; a call that nobody handles stays so."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method: str = handler_call_details.method
        if handler.unary_unary:
            return handler._replace(unary_unary=self._single(handler.unary_unary, method))
        if handler.unary_stream:
            return handler._replace(unary_stream=self._stream(handler.unary_stream, method))
        return handler._replace(stream_stream=self._stream(handler.stream_stream, method))

    def _admit(self, context: Context, method: str) -> None:
        role = authorize(context.auth_context(), method)
        if self._lease is not None and role is not None and role >= Role.SUBMIT:
            self._lease.renew()

    def _single(self, serve: Serve, method: str) -> Serve:
        async def call(request: Any, context: Context) -> Any:
            with self._drain.call(), _timed(method):
                async with _translated(context, method):
                    self._admit(context, method)
                    return await serve(request, context)

        return call

    def _stream(self, serve: Serve, method: str) -> Serve:
        # Messages are written here, and not yielded to grpc, so that a drain is noticed here too
        # while a slow client makes a write wait.
        exempt = method.startswith(_HEALTH)

        async def call(request: Any, context: Context) -> None:
            with nullcontext() if exempt else self._drain.call(), _timed(method):
                async with _translated(context, method):
                    self._admit(context, method)
                    with nullcontext() if exempt else self._drain.stream():
                        await _write(serve, request, context)

        return call


async def _write(serve: Serve, request: Any, context: Context) -> None:
    if not inspect.isasyncgenfunction(serve):
        await serve(request, context)
        return
    messages = serve(request, context)
    try:
        async for message in messages:
            await context.write(message)
    finally:
        await messages.aclose()


@contextmanager
def _timed(method: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        _log.debug("%s took %.1f ms", method, (time.monotonic() - start) * 1000)


@asynccontextmanager
async def _translated(context: Context, method: str) -> AsyncIterator[None]:
    try:
        yield
    except ArgoexecError as exc:
        _log.debug("%s: %s: %s", method, type(exc).__name__, exc.message)
        await context.abort(*to_status(exc))
    except aio.AbortError:
        raise
    except Exception as exc:  # noqa: BLE001 - a bug ends one call, not the daemon
        if context.done():
            _log.debug("%s: the client has gone: %s", method, exc)
            return
        _log.exception("%s failed", method)
        bug = InternalError(f"{method} failed: {type(exc).__name__}", hint="see the daemon's log")
        await context.abort(*to_status(bug))
