"""A pod's conditions, which follow from its containers (core/v1 PodCondition)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from argoexec_cli.models.status import ContainerStatus, PodCondition, PodStatus

_ORDER: Final = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


def scheduled() -> tuple[PodCondition, ...]:
    """Return the conditions of a pod that has got its place."""
    return _set((), "PodScheduled", "")


def not_scheduled(reason: str, message: str) -> tuple[PodCondition, ...]:
    """Return the conditions of a pod that gets no place."""
    return _set((), "PodScheduled", reason, message)


def updated(status: PodStatus) -> PodStatus:
    """Return *status* with the conditions that its containers give it. A condition that stays as it
    was keeps its time.
    """
    initialized = status.phase == "Running" or all(map(_is_done, status.init_container_statuses))
    waiting = [one.name for one in status.container_statuses if not one.ready]
    conditions = _set(
        status.conditions, "Initialized", "" if initialized else "ContainersNotInitialized"
    )
    reason = "ContainersNotReady" if waiting else ""
    for kind in ("ContainersReady", "Ready"):
        conditions = _set(conditions, kind, reason, _names(waiting))
    return msgspec.structs.replace(status, conditions=conditions)


def over(conditions: tuple[PodCondition, ...], *, succeeded: bool) -> tuple[PodCondition, ...]:
    """Return the conditions of a pod that has ended."""
    reason = "PodCompleted" if succeeded else "PodFailed"
    for kind in ("ContainersReady", "Ready"):
        conditions = _set(conditions, kind, reason)
    return conditions


def _set(
    conditions: tuple[PodCondition, ...], kind: str, reason: str, message: str = ""
) -> tuple[PodCondition, ...]:
    """Replace a condition: False for *reason*, True without one."""
    before = next((one for one in conditions if one.type == kind), None)
    if before and before.reason == reason and before.message == message:
        return conditions
    after = PodCondition(
        type=kind,
        status="False" if reason else "True",
        reason=reason,
        message=message,
        last_transition_time=datetime.now(UTC),
    )
    if before and before.status == after.status:
        time = before.last_transition_time
        after = msgspec.structs.replace(after, last_transition_time=time)
    others = (one for one in conditions if one.type != kind)
    return tuple(sorted((*others, after), key=lambda one: _ORDER.index(one.type)))


def _is_done(container: ContainerStatus) -> bool:
    ended = container.state.terminated
    return container.ready or (ended is not None and ended.exit_code == 0)


def _names(names: Iterable[str]) -> str:
    return f"not ready: {', '.join(names)}" if names else ""
