"""An HTTP server for as long as a block runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from argoexec_cli.errors import PreconditionError

if TYPE_CHECKING:
    from aiohttp import web

_DRAIN_S: Final = 5.0


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Run *app* at an address while the block runs; gives the port. Calls that are under way at the
    end are answered first. `PreconditionError` when the address is taken.
    """
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as exc:
            raise PreconditionError(
                f"cannot listen on {host}:{port}: {exc.strerror}", hint="choose another address"
            ) from exc
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
