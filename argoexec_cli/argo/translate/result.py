"""From what became of a pod to Argo's NodeResult."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from argoexec_cli.argo.translate.body import ResultRule
from argoexec_cli.argo.translate.durations import render_duration
from argoexec_cli.argo.translate.request import Delegation
from argoexec_cli.models.record import RESULT_LIMIT_BYTES, PodRecord
from argoexec_cli.models.status import PodStatus
from argoexec_cli.models.verdict import verdict

NodeResult = dict[str, Any]
"""`phase`, `message` and `outputs` as Argo's NodeResult has them; every value is a string."""

LOG_BYTES: Final = 4096
"""How much of each container's log, from its end, is shown to people on Argo's side."""
_LINE_LIMIT: Final = 200
_NO_RESULT: Final = "stdout is no JSON, so outputs.result is not set (plugin.argoexec.result: text)"


def node_result(
    delegation: Delegation, record: PodRecord, logs: Mapping[str, str], executor: str = ""
) -> NodeResult:
    """Return the result of a pod that has ended. *logs* are the ends of its containers' logs.

    A value that is not there is left out, for Argo takes null badly.
    """
    status = record.pod.status
    phase, message = verdict(status)
    if phase == "Succeeded":
        message = _ran(status, executor)
    elif message.endswith(")") and (last := _last_line(logs.get(record_main(delegation), ""))):
        message = f"{message}: {last}"
    outputs: dict[str, Any] = {}
    if parameters := _parameters(delegation, record):
        outputs["parameters"] = parameters
    result = record.outputs.result
    if result is not None and _may_be_result(result, delegation.result):
        outputs["result"] = cut(result)
    elif result and delegation.result == "json" and phase == "Succeeded":
        message = f"{message}; {_NO_RESULT}" if message else _NO_RESULT
    if record.outputs.exit_code is not None:
        outputs["exitCode"] = record.outputs.exit_code
    if artifacts := log_artifacts(logs):
        outputs["artifacts"] = artifacts
    return {"phase": phase, "message": message, **({"outputs": outputs} if outputs else {})}


def failed(message: str, *, phase: str = "Error") -> NodeResult:
    """Return the result of a task that never ran, or that we ended: "Error" is our fault or the
    template's, "Failed" the task's.
    """
    return {"phase": phase, "message": message}


def timed_out(result: NodeResult, limit_s: float) -> NodeResult:
    """Return *result* of a task that we ended because its time was up, saying so."""
    return result | {"phase": "Failed", "message": f"timed out after {render_duration(limit_s)}"}


def record_main(delegation: Delegation) -> str:
    """Return the name of the container whose outputs count."""
    return delegation.request.outputs.container


def cut(result: str) -> str:
    """Return the last 262,144 bytes of *result*, as Argo keeps them."""
    data = result.encode()
    if len(data) <= RESULT_LIMIT_BYTES:
        return result
    return data[-RESULT_LIMIT_BYTES:].decode("utf-8", "ignore")


def log_artifacts(logs: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the logs as raw artifacts, under the name that Argo gives archived ones."""
    return [{"name": f"{name}-logs", "raw": {"data": text}} for name, text in logs.items() if text]


def _parameters(delegation: Delegation, record: PodRecord) -> list[dict[str, str]]:
    found = {one.name: one.value for one in record.outputs.parameters}
    parameters = []
    for one in delegation.returns:
        value = one.fixed if one.fixed is not None else found.get(one.name)
        if value is not None:
            named = {"globalName": one.global_name} if one.global_name else {}
            parameters.append({"name": one.name, "value": value, **named})
    return parameters


def _may_be_result(result: str, rule: ResultRule) -> bool:
    if rule != "json":
        return rule == "text"
    try:
        msgspec.json.decode(result.encode())
    except msgspec.DecodeError:
        return False
    return True


def _ran(status: PodStatus, executor: str) -> str:
    took = _seconds(status)
    parts = ["ran" if took is None else f"ran {render_duration(took)}"]
    return " ".join([*parts, f"on {executor}"] if executor else parts)


def _seconds(status: PodStatus) -> float | None:
    ended = [one.state.terminated for one in status.container_statuses if one.state.terminated]
    starts = _known(one.started_at for one in ended)
    ends = _known(one.finished_at for one in ended)
    return (max(ends) - min(starts)).total_seconds() if starts and ends else None


def _known(times: Any) -> list[datetime]:
    return [time for time in times if time is not None]


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1][:_LINE_LIMIT] if lines else ""
