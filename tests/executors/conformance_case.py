"""One case of the conformance suite: a pod as a person writes it, and what has to become of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from argoexec_cli.models.base import decode
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.record import PodRecord, PodRequest
from argoexec_cli.models.status import ContainerStatus
from tests.executors.pods import IMAGE, OUTPUTS, log, run


@dataclass(frozen=True, kw_only=True)
class Case:
    """`logs` are patterns for the whole of a container's log, `codes` exit codes, by container.

    A case that needs real processes and files does not run on the fake runtime (`real`).
    """

    name: str
    spec: Mapping[str, Any]
    phase: Literal["Succeeded", "Failed"] = "Succeeded"
    reason: str = ""
    codes: Mapping[str, int] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    real: bool = True

    def to_request(self) -> PodRequest:
        """Return the request that runs the case's pod."""
        meta = ObjectMeta(name="a", labels={"app": "x"}, annotations={"note": "a note"})
        pod = Pod(metadata=meta, spec=decode(dict(self.spec), PodSpec))
        return PodRequest(pod=pod, outputs=OUTPUTS, **self.request)


def main(script: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    """Return a container that runs *script* in a shell, with more *fields*."""
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **fields}


async def check(executor: Executor, case: Case) -> None:
    """Run the case's pod and compare."""
    record = await run(executor, case.to_request())
    try:
        await _compare(executor, case, record)
    finally:
        await executor.delete_pod(record.ref)


async def _compare(executor: Executor, case: Case, record: PodRecord) -> None:
    status = record.pod.status
    logs = {name: (await log(executor, record.ref, _of(name))).decode() for name in case.logs}
    found = f"{status}\n{logs}"
    assert (status.phase, status.reason) == (case.phase, case.reason), found
    for name, code in case.codes.items():
        terminated = _container(record, name).state.terminated
        assert terminated is not None, found
        assert terminated.exit_code == code, found
    for name, message in case.messages.items():
        terminated = _container(record, name).state.terminated
        assert terminated is not None, found
        assert terminated.message == message, found
    for name, reason in case.waiting.items():
        waits = _container(record, name).state.waiting
        assert waits is not None, found
        assert waits.reason == reason, found
    for name, pattern in case.logs.items():
        assert re.fullmatch(pattern, logs[name], re.DOTALL), found


def _of(container: str) -> LogQuery:
    return LogQuery(container=container, follow=True)


def _container(record: PodRecord, name: str) -> ContainerStatus:
    status = record.pod.status
    everything = (*status.init_container_statuses, *status.container_statuses)
    return next(one for one in everything if one.name == name)
