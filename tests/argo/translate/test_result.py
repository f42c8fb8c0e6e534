"""The ends of pods become NodeResults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from argoexec_cli.argo.translate.request import Delegation, delegate
from argoexec_cli.argo.translate.result import node_result
from argoexec_cli.models.record import OutputParameter, PodOutputs, PodRecord
from argoexec_cli.models.status import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    PodStatus,
)
from tests.argo.translate import golden

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_success_has_result_code_and_where_it_ran() -> None:
    found = _result("container", outputs=PodOutputs(result='{"a": 1}', exit_code="0"))
    assert found == {
        "phase": "Succeeded",
        "message": "ran 1.5s on vm",
        "outputs": {"result": '{"a": 1}', "exitCode": "0"},
    }


@pytest.mark.parametrize("text", ["OK", "[1, 2", "NaN", ""])
def test_what_is_no_json_would_break_a_loop_and_is_not_the_result(text: str) -> None:
    found = _result("container", outputs=PodOutputs(result=text, exit_code="0"))
    assert "result" not in found["outputs"]
    assert ("plugin.argoexec.result: text" in found["message"]) is bool(text)


def test_text_is_the_result_where_it_is_asked_for() -> None:
    found = _result("script", outputs=PodOutputs(result="OK", exit_code="0"))
    assert found["outputs"]["result"] == "OK"


def test_parameters_come_in_their_order_with_their_global_names() -> None:
    read = (OutputParameter(name="q", value="2"), OutputParameter(name="p", value="1"))
    found = _result("script", outputs=PodOutputs(parameters=read))
    assert found["outputs"]["parameters"] == [
        {"name": "p", "value": "1", "globalName": "all-p"},
        {"name": "q", "value": "2"},
        {"name": "fixed", "value": "3"},
        {"name": "fallback", "value": "true"},
    ]


def test_a_parameter_of_a_failed_task_is_left_out_not_null() -> None:
    found = _result("script", code=3)
    assert [one["name"] for one in found["outputs"]["parameters"]] == ["fixed", "fallback"]


@pytest.mark.parametrize(
    ("code", "reason", "log", "message"),
    [
        (3, "Error", "", "main: Error (exit code 3)"),
        (3, "Error", "a\nno such file\n\n", "main: Error (exit code 3): no such file"),
        (137, "OOMKilled", "", "main: OOMKilled (exit code 137)"),
    ],
)
def test_failure_reads_as_argos_own(code: int, reason: str, log: str, message: str) -> None:
    outputs = PodOutputs(exit_code=str(code))
    found = _result("container", code, reason, outputs, {"main": log})
    assert (found["phase"], found["message"]) == ("Failed", message)
    assert found["outputs"]["exitCode"] == str(code)


@pytest.mark.parametrize("reason", ["Lost", "ErrImagePull", "OutputError", "Unschedulable"])
def test_what_is_not_the_tasks_fault_is_an_error(reason: str) -> None:
    status = PodStatus(phase="Failed", reason=reason, message="because")
    record = PodRecord(_delegation("container").request.pod, PodOutputs())
    pod = _with(record, status)
    found = node_result(_delegation("container"), pod, {})
    assert found == {"phase": "Error", "message": "because"}


def test_logs_are_shown_under_the_name_of_archived_ones() -> None:
    found = _result("container", logs={"main": "hi\n", "helper": "x\n", "silent": ""})
    assert found["outputs"]["artifacts"] == [
        {"name": "main-logs", "raw": {"data": "hi\n"}},
        {"name": "helper-logs", "raw": {"data": "x\n"}},
    ]


def test_a_long_result_keeps_its_end() -> None:
    found = _result("script", outputs=PodOutputs(result="é" * 200_000))
    assert len(found["outputs"]["result"].encode()) == 262_144
    odd = _result("script", outputs=PodOutputs(result="é" * 200_000 + "x"))
    assert len(odd["outputs"]["result"].encode()) == 262_143


def _delegation(name: str) -> Delegation:
    return delegate(golden.template(name), golden.OWNER, golden.IDENTITY)


def _result(
    name: str,
    code: int = 0,
    reason: str = "Completed",
    outputs: PodOutputs | None = None,
    logs: dict[str, str] | None = None,
) -> dict[str, Any]:
    ended = ContainerStateTerminated(
        exit_code=code,
        reason=reason,
        started_at=START,
        finished_at=START + timedelta(seconds=1.5),
    )
    status = PodStatus(
        phase="Failed" if code else "Succeeded",
        container_statuses=(ContainerStatus(name="main", state=ContainerState(terminated=ended)),),
    )
    delegation = _delegation(name)
    record = PodRecord(delegation.request.pod, outputs or PodOutputs())
    return node_result(delegation, _with(record, status), logs or {}, "vm")


def _with(record: PodRecord, status: PodStatus) -> PodRecord:
    pod = msgspec.structs.replace(record.pod, status=status)
    return msgspec.structs.replace(record, pod=pod)
