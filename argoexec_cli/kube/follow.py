"""List and watch put together: every change of the objects that match, as long as somebody reads.

Whatever interrupts is mended here: watches that end, versions that are gone, a server that is away.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, Literal, NamedTuple

from argoexec_cli.errors import (
    ArgoexecError,
    DeniedError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.kube.base import EVERYTHING, Event, Kube, Object, Select
from argoexec_cli.kube.errors import GoneError, ThrottledError
from argoexec_cli.kube.resources import Resource

_log = logging.getLogger(__name__)
_FIRST_S: Final = 0.2
_LONGEST_S: Final = 30.0
Sleep = Callable[[float], Awaitable[None]]


class Change(NamedTuple):
    """What became of an object. SYNCED has none: everything up to the present was reported.

    SYNCED comes after every listing: at the start, and again when the watch had to start anew.
    DELETED has the object as it was last seen.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
    object: Object


class Follower:
    """Follows the objects of one resource. One reader; make another one for a second."""

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        namespace: str = "",
        select: Select = EVERYTHING,
        *,
        since: str = "",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Ask nothing yet. An empty *namespace* is all of them.

        With *since* the deletions after that version are reported too, behind the first SYNCED, as
        far as the server still knows them.
        """
        self._kube, self._resource, self._namespace = kube, resource, namespace
        self._select = select
        self.keep: Callable[[Object], Object] = lambda found: found
        """What is remembered of an object, at least its metadata. Set it before the first change:
        objects may be large, and be needed only once.
        """
        self.lasting = False
        """Wait, too, while rights are missing that were there: for who follows as long as he lives.
        """
        self._allowed = False
        self._sleep = sleep
        self._known: dict[str, Object] = {}
        self._version, self._since = "", since
        self._delay = _FIRST_S

    @property
    def known(self) -> list[Object]:
        """All objects that there are, as last seen."""
        return list(self._known.values())

    @property
    def version(self) -> str:
        """The version up to which everything was reported."""
        return self._version

    async def changes(self) -> AsyncGenerator[Change]:
        """Report all that exists, SYNCED, then every change, for ever.

        The first listing raises whatever it meets. After it a server that is away is waited for;
        `DeniedError` and the like still end the stream, unless it is `lasting` and has watched.
        """
        async for change in self._listed():
            yield change
        self._version = self._since or self._version
        while True:
            try:
                if not self._version:
                    async for change in self._listed():
                        yield change
                async with aclosing(self._watched()) as watched:
                    async for change in watched:
                        yield change
                await self._sleep(_FIRST_S / 10)  # a server that closes at once is no hot loop
            except GoneError:
                self._version = ""
                await self._back_off(UnavailableError("the watch's version is gone"), quiet=True)
            except UnavailableError as exc:
                await self._back_off(exc)
            except (DeniedError, UnauthenticatedError) as exc:
                if not (self.lasting and self._allowed):
                    raise
                await self._back_off(exc)

    async def _listed(self) -> AsyncGenerator[Change]:
        listing = await self._kube.list(self._resource, self._namespace, self._select)
        found = {_uid(each): each for each in listing.items}
        for uid in [uid for uid in self._known if uid not in found]:
            yield Change("DELETED", self._known.pop(uid))
        for uid, each in found.items():
            if (change := self._seen(uid, each)) is not None:
                yield change
        self._version = listing.version
        yield Change("SYNCED", {})

    async def _watched(self) -> AsyncGenerator[Change]:
        since, select = self._version, self._select
        watch = self._kube.watch(self._resource, self._namespace, select, since)
        async with aclosing(watch) as events:
            async for event in events:
                self._delay, self._allowed = _FIRST_S, True
                self._version = event.object["metadata"]["resourceVersion"]
                if (change := self._change(event)) is not None:
                    yield change
        self._allowed = True

    def _change(self, event: Event) -> Change | None:
        if event.type == "BOOKMARK":
            return None
        uid = _uid(event.object)
        if event.type == "DELETED":
            self._known.pop(uid, None)
            return Change("DELETED", event.object)
        return self._seen(uid, event.object)

    def _seen(self, uid: str, found: Object) -> Change | None:
        before = self._known.get(uid)
        self._known[uid] = self.keep(found)
        if before is None:
            return Change("ADDED", found)
        if version_of(found) <= version_of(before):
            self._known[uid] = before
            return None
        return Change("MODIFIED", found)

    async def _back_off(self, exc: ArgoexecError, *, quiet: bool = False) -> None:
        if not quiet and self._delay == _FIRST_S:
            _log.warning("watching %s: %s; trying again", self._resource.plural, exc.message)
        wanted = exc.retry_after_s if isinstance(exc, ThrottledError) else 0.0
        spread = self._delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it
        await self._sleep(max(wanted, spread))
        self._delay = min(self._delay * 2, _LONGEST_S)


def version_of(found: Object) -> int:
    """Return the version of an object as the number that it is in every server that there is."""
    return int(found["metadata"]["resourceVersion"])


def _uid(found: Object) -> str:
    uid: str = found["metadata"]["uid"]
    return uid
