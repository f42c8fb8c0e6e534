"""Pod statuses to node statuses, in Argo's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from argoexec_cli.controller.outcome import observe
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import Container, Pod, PodSpec
from argoexec_cli.models.record import PodOutputs, PodRecord
from argoexec_cli.models.status import PodStatus
from argoexec_cli.models.workflow import NodeStatus

NODE = NodeStatus(id="wf", name="wf", display_name="wf", template_name="t")


def observed(status: Mapping[str, object], outputs: PodOutputs | None = None) -> NodeStatus:
    """Return the node that has a pod with *status*."""
    pod = Pod(spec=PodSpec((Container("main", "b"),)), status=decode(status, PodStatus))
    return observe(NODE, PodRecord(pod, outputs or PodOutputs()))


def ended(name: str, code: int, reason: str, message: str = "") -> dict[str, object]:
    """Return the status of a container that has ended."""
    at = "2026-01-02T03:04:05Z"
    state = {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}
    return {"name": name, "state": {"terminated": state}}


@pytest.mark.parametrize(
    ("status", "phase", "message"),
    [
        ({"phase": "Pending"}, "Pending", ""),
        (
            {"phase": "Pending", "reason": "Queued", "message": "no cpu"},
            "Pending",
            "Queued: no cpu",
        ),
        ({"phase": "Running"}, "Running", ""),
        ({"phase": "Succeeded"}, "Succeeded", ""),
        ({"containerStatuses": [ended("main", 3, "Error")]}, "Failed", "main: Error (exit code 3)"),
        (
            {"containerStatuses": [ended("main", 137, "OOMKilled")]},
            "Failed",
            "main: OOMKilled (exit code 137)",
        ),
        (
            {"containerStatuses": [ended("main", 128, "StartError", "no such file")]},
            "Failed",
            "main: StartError (exit code 128): no such file",
        ),
        (
            {"containerStatuses": [ended("side", 1, "Error"), ended("main", 2, "Error")]},
            "Failed",
            "main: Error (exit code 2)",
        ),
        (
            {"initContainerStatuses": [ended("init", 1, "Error")]},
            "Error",
            "init: Error (exit code 1)",
        ),
        (
            {"containerStatuses": [ended("main", 137, "ContainerStatusUnknown")]},
            "Error",
            "main: ContainerStatusUnknown (exit code 137)",
        ),
        ({"reason": "DeadlineExceeded", "message": "too long"}, "Failed", "too long"),
        ({"reason": "Lost", "message": "the container is gone"}, "Error", "the container is gone"),
        ({"reason": "ErrImagePull", "message": "no such image"}, "Error", "no such image"),
        ({"reason": "Evicted"}, "Failed", "Evicted"),
        ({"phase": "Unknown", "reason": "NodeLost"}, "Error", "NodeLost"),
    ],
)
def test_a_pods_status_is_told_as_argo_tells_it(
    status: dict[str, object], phase: str, message: str
) -> None:
    node = observed({"phase": "Failed"} | status)
    assert (node.phase, node.message) == (phase, message)


def test_what_a_container_waits_for_is_the_message() -> None:
    waiting = {"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert observed({"phase": "Pending", "containerStatuses": [waiting]}).message == (
        "ContainerCreating"
    )


def test_outputs_and_times_come_with_the_end() -> None:
    status = {"phase": "Succeeded", "containerStatuses": [ended("main", 0, "Completed")]}
    node = observed(status, PodOutputs(result="hello", exit_code="0"))
    assert (node.outputs.result, node.outputs.exit_code) == ("hello", "0")
    assert node.finished_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert node.progress == "1/1"


def test_the_exit_code_is_known_without_outputs() -> None:
    status = {"phase": "Failed", "containerStatuses": [ended("main", 4, "Error")]}
    node = observed(status)
    assert (node.outputs.exit_code, node.outputs.result, node.progress) == ("4", None, "0/1")
