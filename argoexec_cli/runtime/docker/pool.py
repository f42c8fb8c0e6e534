"""Networks that are ready before a pod needs one.

Half of the time that Docker takes to start a container goes into making its network namespace and
joining it to the bridge. A pod with a single container can as well join a namespace that is there:
that of a pause container, which the pod has for itself while it runs and gives back at its end.
Nothing of a pod stays in it: its processes are gone, and the files that describe the network
(/etc/hosts, /etc/hostname, /etc/resolv.conf) are the pod's own mounts. What the kernel says as
the host name is the pause container's; a pod that asks for a host name gets a network of its own.

The pool begins with one network, grows when a pod found none, and shrinks when they lie idle. It
keeps no state: which network is in use is read from the containers that are in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from argoexec_cli.aio import Tasks
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.runtime.base import Sandbox, SandboxSpec
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.labels import from_labels

_log = logging.getLogger(__name__)
HOSTNAME: Final = "argoexec"
"""What the kernel calls every pod of the pool."""
_IDLE_S: Final = 30.0
_KEPT: Final = 1
_MAKE_S: Final = 10.0


class Network(NamedTuple):
    """A pause container that runs: its id, address and name servers (the text of resolv.conf)."""

    id: str
    ip: str
    resolv_conf: str


class PoolActions(NamedTuple):
    """What the pool has the engine do: make a network, find one again by its id, remove it."""

    make: Callable[[], Awaitable[Network]]
    find: Callable[[str], Awaitable[Network | None]]
    remove: Callable[[str], Awaitable[None]]


class Pool:
    """At most *limit* networks. All methods are for one event loop; `borrow` never waits."""

    def __init__(self, actions: PoolActions, tasks: Tasks, limit: int) -> None:
        """Start empty; `adopt` and `run` make it work. A *limit* of 0 switches it off."""
        self._actions = actions
        self._tasks = tasks
        self._limit = limit
        self._idle: list[tuple[float, Network]] = []
        self._used: dict[str, Network] = {}
        self._makes: set[asyncio.Task[None]] = set()

    async def adopt(self, pauses: list[wire.Listed], tasks: list[wire.Listed]) -> None:
        """Take over what a process before us left: networks, and the pods that run in them."""
        users = {}
        for one in tasks:
            key = from_labels(one.labels or {})
            mode = one.host_config.network_mode
            if key is not None and one.state == "running" and mode.startswith("container:"):
                users[mode.removeprefix("container:")] = key.pod_uid
        for pause in pauses:
            network = await self._actions.find(pause.id)
            if network is None:
                await self._actions.remove(pause.id)
            elif pause.id in users:
                self._used[users[pause.id]] = network
            elif len(self._idle) + len(self._used) < self._limit:
                self._idle.append((_now(), network))
            else:
                await self._actions.remove(pause.id)

    def borrow(self, spec: SandboxSpec) -> Sandbox | None:
        """Give the pod a network of its own for its life; None when there is none just now.

        Asking again for the same pod gives the same network.
        """
        uid = spec.key.pod_uid
        network = self._used.get(uid)
        if network is None and self._idle:
            _, network = self._idle.pop()
            self._used[uid] = network
        if network is None:
            self._grow()
            return None
        return Sandbox(
            id=network.id,
            spec=spec,
            ip=network.ip,
            hostname=HOSTNAME,
            resolv_conf=network.resolv_conf,
        )

    def give_back(self, pod_uid: str, network_id: str) -> bool:
        """Take a network back from a pod; False when it is none of the pool's."""
        network = self._used.get(pod_uid)
        if network is None or network.id != network_id:
            return False
        del self._used[pod_uid]
        self._idle.append((_now(), network))
        return True

    def lose(self, network_id: str) -> None:
        """Forget a network whose pause container has ended."""
        self._idle = [(since, one) for since, one in self._idle if one.id != network_id]
        self._used = {uid: one for uid, one in self._used.items() if one.id != network_id}

    async def run(self) -> None:
        """Have one network ready, and remove what lies idle, until cancelled."""
        if not self._idle and self._limit:
            self._grow()
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

    def _grow(self) -> None:
        if len(self._idle) + len(self._used) + len(self._makes) < self._limit:
            make = self._tasks.spawn(self._make(), name="docker network for the pool")
            self._makes.add(make)
            make.add_done_callback(self._makes.discard)

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


def _now() -> float:
    return asyncio.get_running_loop().time()
