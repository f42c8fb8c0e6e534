"""Why a pod's log is empty: it has not started yet, or it never will."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.follow import closing, follow_item
from argoexec_cli.cli.items import Item, item_of_pod
from argoexec_cli.errors import NotFoundError, StartError
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import ContainerStatus, PodStatus

Cause = Literal["ran", "waits", "never started"]


def cause_of_silence(status: PodStatus, containers: Iterable[str]) -> Cause:
    """Tell why nothing is in the logs of these containers of one pod.

    A container that is restarted has run before, whatever it waits for now.
    """
    every = (*status.init_container_statuses, *status.container_statuses)
    names = set(containers)
    wanted = [container for container in every if container.name in names]
    if any(_ran(container) for container in wanted):
        return "ran"
    given_up = wanted and all(container.state.terminated for container in wanted)
    return "never started" if status.terminal or given_up else "waits"


async def settled(server: Server, record: PodRecord, containers: list[str]) -> PodRecord | None:
    """Return the pod once one of *containers* has run or none ever will; None when it is deleted.

    A log is at its end a moment before the pod's status says why.
    """
    try:
        async with closing(follow_item(server, item_of_pod(record))) as states:
            async for state in states:
                assert isinstance(state.source, PodRecord)  # noqa: S101 - a pod's states are pods
                record = state.source
                if cause_of_silence(record.pod.status, containers) != "waits":
                    break
    except NotFoundError:
        return None
    return record


def never_started(pod: Item) -> StartError:
    """Return the error for a log that will never be, with the pod's own reason.

    An init container that failed has the cause in a log of its own.
    """
    why = f"{pod.status}: {pod.message}" if pod.message else pod.status
    where = "" if pod.namespace == "default" else f" -n {pod.namespace}"
    failed = _failed_init(pod)
    look = f"logs {pod.label} -c {failed}" if failed else f"get {pod.label}"
    return StartError(
        f"{pod.label} has no log, as it never started: {why}", hint=f"argoexec {look}{where}"
    )


def _failed_init(pod: Item) -> str:
    """Return the name of the init container that kept *pod* from starting, or ""."""
    if not isinstance(pod.source, PodRecord):
        return ""
    for container in pod.source.pod.status.init_container_statuses:
        ended = container.state.terminated
        if ended is not None and ended.exit_code and _ran(container):
            return container.name
    return ""


def _ran(container: ContainerStatus) -> bool:
    ended = container.state.terminated
    if ended is not None:
        return bool(ended.started_at or ended.container_id)
    return container.state.running is not None or container.restart_count > 0
