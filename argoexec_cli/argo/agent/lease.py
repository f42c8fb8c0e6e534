"""One agent works, others stand by: leader election by a Lease, as client-go does it.

A leader that cannot renew stops before its lease runs out for others, by its own clock only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    DeniedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.errors import ConflictError
from argoexec_cli.kube.resources import LEASES

_log = logging.getLogger(__name__)


class Pace(NamedTuple):
    """How long a lease holds, when its holder gives up, and how often it is tried."""

    lease_s: float = 15.0
    give_up_s: float = 10.0
    try_s: float = 2.0


PACE: Final = Pace()


class Lease:
    """Our part in the election for one Lease."""

    def __init__(
        self, kube: Kube, namespace: str, name: str, identity: str, pace: Pace = PACE
    ) -> None:
        """Run for it as *identity*, which no other process has."""
        self._kube = kube
        self._place = (name, namespace)
        self._identity = identity
        self._pace = pace
        self._held = False
        self._seen = ""
        self._seen_at = 0.0

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* whenever we lead, for ever; it is cancelled when we no longer can be sure.

        Raises what *work* raises, and `DeniedError` when we may not touch the Lease from the
        start. Cancelling gives the lease up.
        """
        try:
            while True:
                await self._until_ours()
                _log.info("leading as %s", self._identity)
                await self._work(work)
                _log.warning("no longer leading: the lease could not be renewed")
        finally:
            await self._give_up()

    async def _until_ours(self) -> None:
        while not await self._try():  # noqa: ASYNC110 - it is a server that is asked
            await asyncio.sleep(self._pace.try_s)

    async def _work(self, work: Callable[[], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(work())
        renewing = asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, renewing):
                task.cancel()
            await asyncio.gather(working, renewing, return_exceptions=True)
        for task in (working, renewing):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _renew(self) -> None:
        """Renew for as long as that works; returns when we can no longer be sure to lead."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while loop.time() - renewed < self._pace.give_up_s:
            await asyncio.sleep(self._pace.try_s)
            try:
                async with asyncio.timeout(self._pace.give_up_s - (loop.time() - renewed)):
                    ours = await self._try()
            except TimeoutError:
                return
            if ours is False:
                return
            renewed = loop.time() if ours else renewed

    async def _try(self) -> bool | None:
        """Take the lease or renew it; returns whether it is ours now, None for nobody knows.

        `DeniedError` and the like only before it was ours once.
        """
        try:
            ours = await self._take()
        except (ConflictError, AlreadyExistsError):
            return None
        except (UnavailableError, DeniedError, UnauthenticatedError) as exc:
            if not self._held and not isinstance(exc, UnavailableError):
                raise
            _log.warning("lease %s: %s", self._place[0], exc.message)
            return None
        self._held |= ours
        return ours

    async def _take(self) -> bool:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: Object = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._pace.lease_s),
            "renewTime": now,
        }
        try:
            found = await self._kube.get(LEASES, *self._place)
        except NotFoundError:
            name, namespace = self._place
            manifest = {"metadata": {"name": name}, "spec": spec | {"acquireTime": now}}
            await self._kube.create(LEASES, manifest, namespace)
            return True
        before = found.get("spec") or {}
        if before.get("holderIdentity") != self._identity:
            if before.get("holderIdentity") and not self._expired(found):
                return False
            transitions = int(before.get("leaseTransitions") or 0) + 1
            spec |= {"acquireTime": now, "leaseTransitions": transitions}
        await self._patch(found, spec)
        return True

    def _expired(self, found: Object) -> bool:
        """Whether the holder has not renewed for the lease's time since we look at it."""
        version = found["metadata"]["resourceVersion"]
        now = asyncio.get_running_loop().time()
        if version != self._seen:
            self._seen, self._seen_at = version, now
        holds_s = float((found.get("spec") or {}).get("leaseDurationSeconds") or 0)
        return now - self._seen_at > max(holds_s, 1.0)

    async def _patch(self, found: Object, spec: Object) -> None:
        version = found["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "spec": spec}
        await self._kube.patch(LEASES, *self._place, patch)

    async def _give_up(self) -> None:
        try:
            async with asyncio.timeout(self._pace.try_s):
                found = await self._kube.get(LEASES, *self._place)
                if (found.get("spec") or {}).get("holderIdentity") == self._identity:
                    await self._patch(found, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except (ArgoexecError, TimeoutError):
            pass  # it runs out by itself
