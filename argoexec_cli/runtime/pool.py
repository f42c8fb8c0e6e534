"""Networks that are ready before a pod needs one.

Half of the time that it takes to start a container goes into making its network namespace and
joining it to the bridge. A pod with a single container can as well join a namespace that is there,
which the pod has for itself while it runs and gives back at its end. Nothing of a pod stays in it:
its processes are gone, and the files that describe the network (/etc/hosts, /etc/hostname,
/etc/resolv.conf) are the pod's own mounts. A pod that was allowed to change its network spoils it
for others.

The pool begins with one network, which the first pod waits for, grows when a pod found none, and
shrinks when they lie idle. It keeps no state: which network is in use is read from the containers
that are in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.runtime.base import Security

_log = logging.getLogger(__name__)
_IDLE_S: Final = 30.0
_KEPT: Final = 1
_MAKE_S: Final = 10.0
_FIRST_S: Final = 3.0


class Network(NamedTuple):
    """A network that is there: the runtime's id, address and name servers (resolv.conf's text).

    One that is `private` was made for one pod and is never lent to another.
    """

    id: str
    ip: str
    resolv_conf: str
    private: bool = False


Make = Callable[[], Awaitable[Network]]


class PoolActions(NamedTuple):
    """What the pool has the runtime do: make a network, and remove one by its id (repeatable)."""

    make: Make
    remove: Callable[[str], Awaitable[None]]


class Pool:
    """At most *limit* networks that nobody uses. All methods are for one event loop."""

    def __init__(self, actions: PoolActions, tasks: Tasks, limit: int) -> None:
        """Start empty; `adopt` and `run` make it work. A *limit* of 0 switches it off."""
        self._actions = actions
        self._tasks = tasks
        self._limit = limit
        self._idle: list[tuple[float, Network]] = []
        self._used: dict[str, Network] = {}
        self._spoiled: set[str] = set()
        self._makes: set[asyncio.Task[None]] = set()
        self._first: asyncio.Task[None] | None = None

    async def adopt(self, networks: Iterable[Network], users: Mapping[str, str]) -> None:
        """Take over what a process before us left: networks, and by their ids the uids of the pods
        that run in them.
        """
        for network in networks:
            if network.id in users:
                self._used[users[network.id]] = network
            elif not network.private and len(self._idle) + len(self._used) < self._limit:
                self._idle.append((_now(), network))
            else:
                await self._actions.remove(network.id)

    async def borrow(self, pod_uid: str) -> Network | None:
        """Give the pod a network of its own for its life; None when there is none just now.

        Asking again for the same pod gives the same network. A miss makes a network for the next
        pod. Waits for nothing but the network with which the pool begins, and for that not long.
        """
        first, self._first = self._first, None
        if first is not None:
            await asyncio.wait({first}, timeout=_FIRST_S)
        network = self._lent(pod_uid)
        if network is None:
            self._grow()
        return network

    async def lend(self, pod_uid: str, make: Make | None = None) -> Network:
        """Give the pod a network of its own for its life, and make one when there is none.

        With *make*, it is a private one, which that makes. Asking again for the same pod gives the
        same network, but not while it is being made.
        """
        network = self._used.get(pod_uid) if make else self._lent(pod_uid)
        if network is None:
            network = self._used[pod_uid] = await (make or self._actions.make)()
        return network

    def spoil(self, network_id: str) -> None:
        """Say that no other pod may have this network: its pod may change it."""
        if any(one.id == network_id for one in self._used.values()):
            self._spoiled.add(network_id)

    async def take_back(self, pod_uid: str, network_id: str) -> bool:
        """Take a network back from a pod; False when it is none of the pool's."""
        network = self._used.get(pod_uid)
        if network is None or network.id != network_id:
            return False
        spoiled = network.private or network_id in self._spoiled
        if spoiled or len(self._idle) >= self._limit:
            await self._actions.remove(network_id)
            self._spoiled.discard(network_id)
            self._used.pop(pod_uid, None)
        else:
            del self._used[pod_uid]
            self._idle.append((_now(), network))
        return True

    def lose(self, network_id: str) -> None:
        """Forget a network that is gone."""
        self._idle = [(since, one) for since, one in self._idle if one.id != network_id]
        self._used = {uid: one for uid, one in self._used.items() if one.id != network_id}
        self._spoiled.discard(network_id)

    def addresses(self) -> dict[str, str]:
        """Return the addresses of the networks that pods have, by their ids."""
        return {one.id: one.ip for one in self._used.values()}

    async def run(self) -> None:
        """Have one network ready, and remove what lies idle, until cancelled."""
        if not self._idle and self._limit:
            self._first = self._grow()
        while True:
            await asyncio.sleep(_IDLE_S)
            await self._shrink(keep=min(_KEPT, self._limit), older_than=_now() - _IDLE_S)

    async def close(self) -> None:
        """Remove the idle networks; those in use are for the next process to adopt.

        To be called before its tasks are stopped: a network that is half made would be nobody's.
        """
        self._limit = 0
        if self._makes:
            await asyncio.wait(self._makes, timeout=_MAKE_S)
        await self._shrink(keep=0, older_than=_now())

    def _lent(self, pod_uid: str) -> Network | None:
        network = self._used.get(pod_uid)
        if network is None and self._idle:
            _, network = self._idle.pop()
            self._used[pod_uid] = network
        return network

    def _grow(self) -> asyncio.Task[None] | None:
        if len(self._idle) + len(self._used) + len(self._makes) >= self._limit:
            return None
        make = self._tasks.spawn(self._make(), name="network for the pool")
        self._makes.add(make)
        make.add_done_callback(self._makes.discard)
        return make

    async def _make(self) -> None:
        try:
            self._idle.append((_now(), await self._actions.make()))
        except ArgoexecError as exc:
            _log.warning("no network for the pool: %s", exc.message)

    async def _shrink(self, *, keep: int, older_than: float) -> None:
        """Remove the networks that are idle the longest, down to *keep*."""
        while len(self._idle) > keep and self._idle[0][0] <= older_than:
            _, network = self._idle.pop(0)
            try:
                await self._actions.remove(network.id)
            except ArgoexecError as exc:
                _log.warning("idle network %s stays: %s", network.id[:12], exc.message)
                return


def may_change_network(security: Security) -> bool:
    """Tell whether a container may leave its network in another state than it found it."""
    return security.privileged or bool(
        {"NET_ADMIN", "SYS_ADMIN", "ALL"} & {*security.add_capabilities}
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
