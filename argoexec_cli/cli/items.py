"""Runs and pods under one view, so that every command treats them alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from argoexec_cli.errors import ExitCode
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import ContainerStatus, PodStatus
from argoexec_cli.models.workflow import WorkflowRun

Kind = Literal["workflowrun", "pod"]
ENDED: Final = frozenset({"Succeeded", "Failed", "Error"})
_STOPPED: Final = "Stopped"
_DEADLINE: Final = "DeadlineExceeded"
_UNSCHEDULABLE: Final = "Unschedulable"


class Item(msgspec.Struct, frozen=True):
    """What lists and waits show of a run or a pod. `source` is the thing itself."""

    kind: Kind
    namespace: str
    name: str
    phase: str
    reason: str
    message: str
    executor: str
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    source: WorkflowRun | PodRecord

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.phase in ENDED

    @property
    def label(self) -> str:
        """The name with its kind, as kubectl's `-o name` writes it."""
        return f"{self.kind}/{self.name}"

    @property
    def status(self) -> str:
        """One word: the phase, or the reason where that says more."""
        return self.reason or self.phase or "Pending"

    @property
    def exit_code(self) -> ExitCode:
        """What a command that waited for it ends with."""
        if self.phase == "Succeeded":
            return ExitCode.OK
        special = {
            _STOPPED: ExitCode.STOPPED,
            _DEADLINE: ExitCode.TIMED_OUT,
            _UNSCHEDULABLE: ExitCode.NO_CAPACITY,
        }
        return special.get(self.reason, ExitCode.FAILED)

    def age_s(self, now: datetime) -> float | None:
        """Seconds since it was made; None when that is unknown."""
        return (now - self.created).total_seconds() if self.created else None

    def duration_s(self, now: datetime) -> float | None:
        """Seconds from start to end, or to *now*; None when one of them is not known."""
        until = self.finished if self.ended else now
        return (until - self.started).total_seconds() if self.started and until else None


def item_of_run(run: WorkflowRun) -> Item:
    """See a run as an item."""
    status = run.status
    return Item(
        kind="workflowrun",
        namespace=run.metadata.namespace,
        name=run.metadata.name,
        phase=status.phase or "Pending",
        reason=_STOPPED if run.stopped else "",
        message=status.message,
        executor=_executors(run),
        created=run.metadata.creation_timestamp,
        started=status.started_at,
        finished=status.finished_at,
        source=run,
    )


def item_of_pod(record: PodRecord) -> Item:
    """See a pod as an item."""
    pod, status = record.pod, record.pod.status
    main = next(iter(status.container_statuses), None)
    return Item(
        kind="pod",
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        phase=status.phase or "Pending",
        reason=_pod_reason(status.phase, status.reason, main),
        message=status.message or _init_message(status) or _container_message(main),
        executor="",
        created=pod.metadata.creation_timestamp,
        started=status.start_time,
        finished=_finished(status) if status.terminal else None,
        source=record,
    )


def in_order(items: Iterable[Item]) -> list[Item]:
    """Sort as lists do: runs before pods, the oldest first."""
    unknown = datetime.max.replace(tzinfo=UTC)
    return sorted(items, key=lambda item: (item.kind == "pod", item.created or unknown))


def now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


def _executors(run: WorkflowRun) -> str:
    """Where the run's tasks were sent; before that, where it was asked to go."""
    used = sorted({node.executor for node in run.status.nodes.values() if node.executor})
    return ",".join(used) or run.spec.executor


def _pod_reason(phase: str, reason: str, main: ContainerStatus | None) -> str:
    """Choose the word that says most, as `kubectl get pods` does in its STATUS column."""
    if reason or main is None or phase == "Succeeded":
        return reason
    if phase == "Pending" and main.state.waiting:
        return main.state.waiting.reason
    if phase == "Failed" and main.state.terminated and main.state.terminated.reason != "Error":
        return main.state.terminated.reason
    return ""


def _init_message(status: PodStatus) -> str:
    """Why the init container that is next does not start, as long as one is."""
    waits = (c.state.waiting for c in status.init_container_statuses)
    return next((one.message for one in waits if one is not None and one.message), "")


def _container_message(main: ContainerStatus | None) -> str:
    if main is None:
        return ""
    if main.state.waiting:
        return main.state.waiting.message
    ended = main.state.terminated
    if ended is None or not (ended.message or ended.exit_code):
        return ""
    return ended.message or f"exit code {ended.exit_code}"


def _finished(status: PodStatus) -> datetime | None:
    """When the last container ended; where none ever ran, when the pod was given up."""
    ends = [c.state.terminated for c in status.container_statuses if c.state.terminated]
    times = [end.finished_at for end in ends if end.finished_at]
    changes = [c.last_transition_time for c in status.conditions if c.last_transition_time]
    return max(times or changes, default=None)
