"""What lists and plain lines say of runs and pods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from argoexec_cli.cli.items import Item, in_order, item_of_pod
from argoexec_cli.cli.rows import change_line, next_step, row
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Container, Pod, PodSpec
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import PodCondition, PodStatus

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
LONG = "cannot start container " + "x" * 80 + ": no such command"


def pod(name: str = "p", reason: str = "ErrImagePull", age_s: float = 0) -> Item:
    """Make a pod that failed six seconds after its start, before any container ran."""
    ended = PodCondition(
        type="Ready", status="False", last_transition_time=BEGAN + timedelta(seconds=6)
    )
    status = PodStatus(
        phase="Failed", reason=reason, message=LONG, conditions=(ended,), start_time=BEGAN
    )
    meta = ObjectMeta(name=name, namespace="n", creation_timestamp=BEGAN - timedelta(seconds=age_s))
    spec = PodSpec(containers=(Container(name="main", image="busybox"),))
    return item_of_pod(PodRecord(pod=Pod(metadata=meta, spec=spec, status=status)))


def test_the_duration_of_what_never_ran_does_not_grow() -> None:
    assert pod().duration_s(BEGAN + timedelta(days=1)) == 6


def test_what_ended_at_an_unknown_time_has_no_duration() -> None:
    assert replace(pod(), finished=None).duration_s(BEGAN + timedelta(days=1)) is None


def test_a_plain_line_has_the_whole_message_and_a_table_its_beginning() -> None:
    assert change_line(pod(), BEGAN) == f"pod/p ErrImagePull (6s): {LONG}"
    cell = row(pod(), BEGAN, wide=False, namespaces=False)[-1]
    assert len(cell) == 80
    assert cell.endswith("…")


@pytest.mark.parametrize(
    ("reason", "words"),
    [("StartError", "must exist in the image"), ("ErrImagePull", "registry"), ("Lost", "closer")],
)
def test_a_failure_has_its_next_step(reason: str, words: str) -> None:
    hint = next_step(pod(reason=reason))
    assert hint.startswith("hint: ")
    assert words in hint
    assert hint.endswith(": argoexec get pod/p -n n")


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        ("ErrImagePull", "cannot pull r/a:1: 401 Unauthorized", "spec.imagePullSecrets"),
        ("ErrImagePull", "cannot pull r/a:1: connection refused", "registry answers"),
        ("CreateContainerConfigError", 'configmap "c" not found', "in the same file"),
        ("CreateContainerConfigError", "breaks non-root policy", "look closer"),
        ("NodePorts", "cannot start: port is already allocated", "another hostPort"),
        ("StartError", "unable to set memory limit to 1048576", "memory limit"),
        ("CreateContainerError", "Minimum memory limit allowed is 6MB", "memory limit"),
    ],
)
def test_a_message_may_tell_more_than_its_reason(reason: str, message: str, words: str) -> None:
    assert words in next_step(replace(pod(reason=reason), message=message))


def test_what_was_stopped_or_runs_needs_no_step() -> None:
    assert next_step(pod(reason="Stopped")) == ""
    assert next_step(replace(pod(), phase="Running")) == ""


def test_runs_come_before_pods_and_the_oldest_first() -> None:
    new, old = pod("new"), pod("old", age_s=5)
    run = replace(pod("run"), kind="workflowrun")
    undated = replace(pod("undated"), created=None)
    names = [item.name for item in in_order([undated, new, old, run])]
    assert names == ["run", "old", "new", "undated"]
