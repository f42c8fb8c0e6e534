"""Status, step by step, in the kubelet's words."""

from __future__ import annotations

import pytest

from argoexec_cli.executors.local import statuses
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.status import PodStatus
from argoexec_cli.runtime.base import Exit
from tests.executors.pods import container

POD = Pod(spec=PodSpec(containers=(container("x"),), init_containers=(container("y", "init"),)))


def running() -> PodStatus:
    """Return the status of a pod whose main container runs."""
    status = statuses.started(statuses.admitted(POD, "10.0.0.7"), "init", "id0", "image")
    status = statuses.ended(status, "init", Exit(exit_code=0, reason="Completed"))
    return statuses.started(status, "main", "id1", "image")


def test_an_init_container_does_not_make_the_pod_run() -> None:
    status = statuses.started(statuses.admitted(POD, "10.0.0.7"), "init", "id0", "image")
    assert status.phase == "Pending"
    assert statuses.find(status, "init").state.running is not None
    assert statuses.find(status, "main").state.waiting is not None
    assert running().phase == "Running"


@pytest.mark.parametrize(
    ("code", "reason", "signal"),
    [
        (0, "Completed", 0),
        (1, "Error", 0),
        (128, "Error", 0),
        (137, "OOMKilled", 9),
        (143, "Error", 15),
    ],
)
def test_how_a_container_ended(code: int, reason: str, signal: int) -> None:
    exit_ = Exit(exit_code=code, reason=reason)  # type: ignore[arg-type] # a literal
    status = statuses.ended(running(), "main", exit_, "words")
    its = statuses.find(status, "main")
    assert its.state.terminated is not None
    assert its.state.terminated.signal == signal
    assert its.state.terminated.started_at is not None
    assert its.state.terminated.container_id == "id1"
    assert not its.ready
    expected = "Failed" if code else "Succeeded"
    assert statuses.finished(status, "", "").phase == expected
    assert statuses.finished(status, "Stopped", "").phase == "Failed"


def test_nothing_runs_in_a_pod_that_is_over() -> None:
    status = statuses.finished(running(), "InternalError", "a bug")
    state = statuses.find(status, "main").state.terminated
    assert state is not None
    assert (state.exit_code, state.reason) == (137, "ContainerStatusUnknown")
    assert (status.phase, status.reason) == ("Failed", "InternalError")


def test_a_restart_remembers_the_last_end() -> None:
    status = statuses.ended(running(), "main", Exit(exit_code=2, reason="Error"))
    its = statuses.find(statuses.restarts(status, "main"), "main")
    assert its.last_state.terminated is not None
    assert its.state.waiting is not None
    assert (its.restart_count, its.state.waiting.reason) == (1, "CrashLoopBackOff")
    assert its.last_state.terminated.exit_code == 2


def test_a_command_that_did_not_start() -> None:
    its = statuses.find(
        statuses.not_started(statuses.admitted(POD, "10.0.0.7"), "main", "gone"), "main"
    )
    assert its.state.terminated is not None
    assert (its.state.terminated.exit_code, its.state.terminated.reason) == (128, "StartError")
