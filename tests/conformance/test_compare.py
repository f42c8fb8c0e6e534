"""Every difference is found, and told in a line that says what was expected and what was found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from argoexec_cli.conformance.case import Expected, Refusal
from argoexec_cli.conformance.compare import differences, fits, refusal_differs
from argoexec_cli.errors import DeniedError
from argoexec_cli.models.base import decode
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.record import PodEvent, PodOutputs, PodRecord

POD = {
    "spec": {"containers": [{"name": "main", "image": "x"}]},
    "status": {
        "phase": "Failed",
        "reason": "Stopped",
        "message": "stopped by request",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "main",
                "restartCount": 2,
                "state": {"terminated": {"exitCode": 3, "reason": "Error", "message": "bad\n"}},
            },
            {"name": "late", "state": {"waiting": {"reason": "PodInitializing"}}},
        ],
    },
}
LOGS = {"main": [LogRun(1, STDOUT, b"out\n"), LogRun(2, STDERR, b"err\xff\n")]}
MATCHING: dict[str, Any] = {
    "phase": "Failed",
    "reason": "Stopped",
    "message": {"contains": "by request"},
    "status": {"podIP": {"matches": r"10\..*"}},
    "conditions": {"Ready": "False"},
    "containers": {
        "main": {"exitCode": 3, "reason": "Error", "message": "bad\n", "restarts": 2, "signal": 0},
        "late": {"waiting": "PodInitializing"},
    },
    "logs": {"main": "out\nerr\\xff\n"},
    "stdout": {"main": "out\n"},
    "stderr": {"main": {"matches": "err.*"}},
    "outputs": {"result": "out", "exitCode": "3"},
    "events": ["Scheduled", "Started main", "Killing"],
    "absent": ["BackOff"],
}


def record() -> PodRecord:
    reasons = (("Scheduled", ""), ("Pulled", "main"), ("Started", "main"), ("Killing", "main"))
    events = tuple(
        PodEvent(time=datetime.now(UTC), reason=reason, container=container)
        for reason, container in reasons
    )
    outputs = PodOutputs(result="out", exit_code="3")
    return PodRecord(pod=decode(POD, Pod), outputs=outputs, events=events)


def found(**changes: object) -> list[str]:
    return differences(decode(MATCHING | changes, Expected), record(), LOGS)


def test_what_is_as_expected_has_no_difference() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phase": "Succeeded"}, "phase: expected 'Succeeded', found 'Failed'"),
        ({"reason": ""}, "reason: expected '', found 'Stopped'"),
        ({"message": "x"}, "message: expected 'x', found 'stopped by request'"),
        ({"status": {"podIP": "x"}}, "status.podIP: expected 'x', found '10.0.0.1'"),
        ({"conditions": {"Ready": "True"}}, "condition Ready: expected 'True', found 'False'"),
        ({"outputs": {"exitCode": "0"}}, "outputs.exit_code: expected '0', found '3'"),
        ({"outputs": {"parameters": {"p": "1"}}}, "outputs.parameters: expected [('p', '1')], "),
        ({"containers": {"main": {"exitCode": 0}}}, "container main: exit_code: expected 0, "),
        ({"containers": {"main": {"restarts": 0}}}, "container main: restarts: expected 0, "),
        ({"containers": {"main": {"waiting": "X"}}}, "container main: waiting: expected 'X', "),
        ({"containers": {"late": {"exitCode": 0}}}, "container late: has not ended: "),
        ({"containers": {"none": {}}}, "container none: no status"),
        ({"logs": {"main": "out\n"}}, "log of main: expected 'out\\n', found "),
        ({"stderr": {"main": {"matches": "x"}}}, "stderr of main: expected what matches 'x', "),
        ({"events": ["Started", "Pulled"]}, "event 'Pulled' expected in order, found: Scheduled, "),
        ({"events": ["Started other"]}, "event 'Started other' expected in order"),
        ({"absent": ["Killing"]}, "event 'Killing' not expected"),
    ],
)  # fmt: skip
def test_a_difference_is_told(change: dict[str, Any], told: str) -> None:
    (line,) = found(**change)
    assert line.startswith(told)


def test_a_text_fits_by_all_of_its_pattern() -> None:
    expected = decode(MATCHING, Expected).stderr["main"]
    assert fits("err\nmore", expected)
    assert not fits("an err", expected)


def test_a_refusal_is_of_its_class_and_path() -> None:
    fault = DeniedError("spec.hostNetwork is not allowed by policy")
    denied = Refusal(code="PERMISSION_DENIED", path="spec.hostNetwork", message="x")
    assert list(refusal_differs(fault, Refusal(code="PERMISSION_DENIED", path="spec.host"))) == []
    assert "found PERMISSION_DENIED" in next(refusal_differs(fault, Refusal(path="spec")))
    assert "spec.volumes expected" in next(
        refusal_differs(fault, Refusal(code="PERMISSION_DENIED", path="spec.volumes"))
    )
    assert "'x' expected" in next(refusal_differs(fault, denied))
