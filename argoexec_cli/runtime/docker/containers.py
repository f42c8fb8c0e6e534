"""The containers of one owner: make, start, find, signal, remove. Each method may be repeated."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final, Literal

from argoexec_cli.errors import AlreadyExistsError, UnavailableError
from argoexec_cli.runtime.base import ContainerKey, Found, Handle
from argoexec_cli.runtime.docker import wire
from argoexec_cli.runtime.docker.engine import Answer, Engine, encode_filters
from argoexec_cli.runtime.docker.refusals import refused, start_refused
from argoexec_cli.runtime.labels import OWNER, SPEC_HASH, from_labels
from argoexec_cli.runtime.leftovers import left_bundle

ENDED: Final = frozenset({"exited", "dead", "removing"})
"""The states from which a container never runs again."""
_ATTEMPTS: Final = 40
_PAUSE_S: Final = 0.05


class Containers:
    """What the engine has under one owner's label; what is under another's is never touched."""

    def __init__(self, engine: Engine, owner: str) -> None:
        """Use *engine*; nothing is asked yet."""
        self._engine = engine
        self._owner = owner

    async def create(self, key: ContainerKey, body: dict[str, Any]) -> tuple[str, bool]:
        """Create the container of *key*, or find it.

        Return its id and whether it may have run already.

        AlreadyExistsError when a container that is not ours has its name.
        """
        for _ in range(_ATTEMPTS):
            answer = await self._engine.call(
                "POST", "/containers/create", {"name": key.object_name}, body
            )
            if answer.ok:
                return answer.decode(wire.Created).id, False
            if answer.status != 409:
                raise refused(answer, f"create container {key.object_name}")
            found = await self.inspect(key.object_name)
            if found is not None and found.state.status not in {"removing", "dead"}:
                self._refuse_stranger(found, key)
                return found.id, found.state.status != "created"
            # It is being made or being removed by another call: neither takes long.
            await asyncio.sleep(_PAUSE_S)
        raise UnavailableError(
            f"the name {key.object_name} stays taken by a container that is being removed",
            hint=f"docker rm --force {key.object_name}",
        )

    async def create_named(self, name: str, body: dict[str, Any]) -> str:
        """Create a container that belongs to no pod; returns its id."""
        answer = await self._engine.call("POST", "/containers/create", {"name": name}, body)
        if not answer.ok:
            raise refused(answer, f"create container {name}")
        return answer.decode(wire.Created).id

    async def start(self, container: str, what: str = "") -> None:
        """Start a created container; one that runs is left alone.

        One that cannot start is removed; *what* it is, for the message.
        """
        answer = await self._engine.call("POST", f"/containers/{container}/start")
        if answer.ok:
            return
        error = start_refused(answer, what)
        # The name of a start that containerd crashed in stays taken there: another gets another.
        if not isinstance(error, UnavailableError) or left_bundle(answer.message):
            await self.remove(container)
        raise error

    async def inspect(self, container: str) -> wire.Inspected | None:
        """Look at one container, by id or name; None when there is none."""
        answer = await self._engine.call("GET", f"/containers/{container}/json")
        if answer.status == 404:
            return None
        if not answer.ok:
            raise refused(answer, f"inspect container {container}")
        return answer.decode(wire.Inspected)

    async def ours(self) -> list[wire.Listed]:
        """List the owner's containers, ended ones too."""
        params = {"all": "1"} | encode_filters(label=[f"{OWNER}={self._owner}"])
        answer = await self._engine.call("GET", "/containers/json", params)
        if not answer.ok:
            raise refused(answer, "list containers")
        return answer.decode(list[wire.Listed])

    async def kill(self, container: str, signal: str) -> None:
        """Send a signal; a container that does not run, or is gone, is left alone."""
        answer = await self._engine.call(
            "POST", f"/containers/{container}/kill", {"signal": signal}
        )
        if not answer.ok and not _is_not_running(answer):
            raise refused(answer, f"send {signal} to container {container}")

    async def remove(self, container: str) -> None:
        """Delete a container with its log and anonymous volumes, running or not."""
        answer = await self._engine.call(
            "DELETE", f"/containers/{container}", {"force": "1", "v": "1"}
        )
        # 409: another call is removing it.
        if not answer.ok and answer.status not in {404, 409}:
            raise refused(answer, f"remove container {container}")

    def _refuse_stranger(self, found: wire.Inspected, key: ContainerKey) -> None:
        labels = found.config.labels or {}
        if labels.get(OWNER) != self._owner or from_labels(labels) != key:
            raise AlreadyExistsError(
                f"the name {key.object_name} is taken by a container that is not ours",
                hint=f"docker rm {key.object_name}",
            )


def to_found(listed: wire.Listed) -> Found | None:
    """Translate an entry of the engine's list; None when its labels are not (all) ours."""
    labels = listed.labels or {}
    key = from_labels(labels)
    if key is None:
        return None
    return Found(
        handle=Handle(id=listed.id, key=key),
        state=_state(listed.state),
        spec_hash=labels.get(SPEC_HASH, ""),
        created_at=datetime.fromtimestamp(listed.created, tz=UTC),
        ip=listed.network_settings.ip,
    )


def _state(state: str) -> Literal["created", "running", "exited"]:
    if state == "created":
        return "created"
    return "exited" if state in ENDED else "running"


def _is_not_running(answer: Answer) -> bool:
    return answer.status in {404, 409}
