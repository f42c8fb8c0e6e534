"""What a pod's status means to Argo. Source of the rules and texts: Argo's controller."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from argoexec_cli.models.status import ContainerStateTerminated, ContainerStatus, PodStatus
from argoexec_cli.models.workflow import Phase

MAIN: Final = "main"
_PHASES: Final[dict[str, Phase]] = {
    "": "Pending",
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Unknown": "Error",
}
# The pod ended through no deed of its containers, or what it made could not be had: Argo's Error,
# not Failed.
_NOT_THE_TASK: Final = frozenset(
    {
        "Lost",
        "NodeLost",
        "ContainerStatusUnknown",
        "ErrImagePull",
        "ErrImageNeverPull",
        "NodePorts",
        "InvalidImageName",
        "FailedCreatePodSandBox",
        "Unschedulable",
        "InternalError",
        "OutputError",
    }
)


class Verdict(NamedTuple):
    """A node's phase, and the message beside it."""

    phase: Phase
    message: str


def verdict(status: PodStatus) -> Verdict:
    """Return what a pod with this status is to Argo."""
    if status.phase == "Failed":
        return _failure(status)
    phase = _PHASES[status.phase]
    if phase == "Pending":
        return Verdict(phase, _pending_reason(status))
    if status.phase == "Unknown":
        return Verdict(phase, status.message or status.reason)
    return Verdict(phase, status.message if phase == "Running" else "")


def _failure(status: PodStatus) -> Verdict:
    if status.reason in _NOT_THE_TASK:
        return Verdict("Error", status.message or status.reason)
    if status.message:
        return Verdict("Failed", status.message)
    for container in status.init_container_statuses:
        if (ended := container.state.terminated) and ended.exit_code:
            return Verdict("Error", _exit_message(container.name, ended))
    for container in _main_first(status.container_statuses):
        if (ended := container.state.terminated) and ended.exit_code:
            phase: Phase = "Error" if ended.reason in _NOT_THE_TASK else "Failed"
            return Verdict(phase, _exit_message(container.name, ended))
    return Verdict("Failed", status.reason)


def _exit_message(name: str, ended: ContainerStateTerminated) -> str:
    text = f"{name}: {ended.reason or 'Error'} (exit code {ended.exit_code})"
    return f"{text}: {ended.message}" if ended.message else text


def _pending_reason(status: PodStatus) -> str:
    for container in (*status.init_container_statuses, *status.container_statuses):
        if waiting := container.state.waiting:
            parts = [part for part in (waiting.reason, waiting.message) if part]
            if parts:
                return ": ".join(parts)
    return ": ".join(part for part in (status.reason, status.message) if part)


def _main_first(statuses: Iterable[ContainerStatus]) -> list[ContainerStatus]:
    return sorted(statuses, key=lambda status: status.name != MAIN)
