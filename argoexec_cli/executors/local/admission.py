"""Which pods may run now: cpu, memory and count, first come first served.

A pod's need is what Kubernetes' scheduler takes: the sum over its containers of requests (a missing
request equals the limit), or the largest init container if that is more. A sidecar counts beside
what runs after it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from argoexec_cli.errors import CapacityError
from argoexec_cli.models.pod import Container, PodSpec
from argoexec_cli.models.quantity import parse_bytes, parse_millicores


class Need(NamedTuple):
    """What a pod takes while it runs: thousandths of a core, and bytes."""

    cpu_millicores: int
    memory_bytes: int


class Room(NamedTuple):
    """What the host gives to pods."""

    cpu_millicores: int
    memory_bytes: int
    max_pods: int

    @property
    def quantities(self) -> dict[str, float]:
        """Return cores and bytes, as a pod may ask for them by the downward API."""
        return {"cpu": self.cpu_millicores / 1000, "memory": self.memory_bytes}


def need_of(spec: PodSpec) -> Need:
    """Return what *spec* asks for. `InvalidError` for a quantity that is none."""
    sidecars, most = Need(0, 0), Need(0, 0)
    for container in spec.init_containers:
        need = _sum(sidecars, _need(container))
        most = _larger(most, need)
        if container.sidecar:
            sidecars = need
    for container in spec.containers:
        sidecars = _sum(sidecars, _need(container))
    return _larger(most, sidecars)


def _sum(one: Need, other: Need) -> Need:
    return Need(one.cpu_millicores + other.cpu_millicores, one.memory_bytes + other.memory_bytes)


def _larger(one: Need, other: Need) -> Need:
    return Need(
        max(one.cpu_millicores, other.cpu_millicores), max(one.memory_bytes, other.memory_bytes)
    )


class Admission:
    """A queue in front of the host. Order is kept: a large pod at the head is not overtaken for
    ever by small ones.
    """

    def __init__(self, room: Room) -> None:
        """Start empty."""
        self.room = room
        self._cpu = 0
        self._memory = 0
        self.running = 0
        self._waiting: deque[tuple[Need, asyncio.Future[None]]] = deque()

    @property
    def queued(self) -> int:
        """How many pods wait."""
        return len(self._waiting)

    def check(self, need: Need) -> None:
        """Raise `CapacityError` when the host could not run this even if it were empty."""
        room = self.room
        if need.cpu_millicores > room.cpu_millicores:
            asked, has = (
                f"{need.cpu_millicores / 1000:.12g} cpu",
                f"{room.cpu_millicores / 1000:.12g}",
            )
        elif need.memory_bytes > room.memory_bytes:
            asked, has = (
                f"{need.memory_bytes >> 20} MiB of memory",
                f"{room.memory_bytes >> 20} MiB",
            )
        else:
            return
        raise CapacityError(
            f"the pod asks for {asked}, this host has {has}",
            hint="lower resources.requests, or use a larger host: argoexec submit --executor NAME",
        )

    @asynccontextmanager
    async def admitted(self, need: Need, *, now: bool = False) -> AsyncIterator[None]:
        """Wait for room, hold it, give it back. *now* takes it unasked, for a pod that runs already
        (it is adopted).
        """
        if now or (not self._waiting and self._fits(need)):
            self._take(need)
        else:
            await self._wait(need)
        try:
            yield
        finally:
            self._take(need, -1)
            self._wake()

    async def _wait(self, need: Need) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (need, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._take(need, -1)
            else:
                self._waiting.remove(entry)
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            need, turn = self._waiting.popleft()
            self._take(need)
            turn.set_result(None)

    def _fits(self, need: Need) -> bool:
        return (
            self.running < self.room.max_pods
            and self._cpu + need.cpu_millicores <= self.room.cpu_millicores
            and self._memory + need.memory_bytes <= self.room.memory_bytes
        )

    def _take(self, need: Need, sign: int = 1) -> None:
        self._cpu += sign * need.cpu_millicores
        self._memory += sign * need.memory_bytes
        self.running += sign


def _need(container: Container) -> Need:
    wanted = {**container.resources.limits, **container.resources.requests}
    return Need(
        parse_millicores(str(wanted.get("cpu", 0))), parse_bytes(str(wanted.get("memory", 0)))
    )
