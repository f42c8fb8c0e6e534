"""What was expected of a pod, beside what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from argoexec_cli.conformance.case import ContainerExpected, Expected, Pattern, Refusal, Text
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.base import encode
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import ContainerStatus

Logs = Mapping[str, list[LogRun]]
_LONGEST = 400


def fits(found: str, expected: Text) -> bool:
    """Whether a text is as expected: the same, or all of it matches, or it has the part."""
    if isinstance(expected, str):
        return found == expected
    if expected.matches and not re.fullmatch(expected.matches, found, re.DOTALL):
        return False
    return expected.contains in found


def refusal_differs(fault: ArgoexecError, expected: Refusal) -> Iterator[str]:
    """Yield how an error differs from the refusal that is expected."""
    if fault.code != expected.code:
        yield f"refused with {expected.code} expected, found {fault.code}: {fault.message}"
    elif not fault.message.startswith(expected.path):
        yield f"refusal of {expected.path} expected, found: {fault.message}"
    elif not fits(fault.message, expected.message):
        yield f"refusal {_say(expected.message)} expected, found: {fault.message}"


def differences(expected: Expected, record: PodRecord, logs: Logs) -> list[str]:
    """Return every difference, each in one line."""
    return [
        *_of_status(expected, record),
        *_of_containers(expected, record),
        *_of_logs(expected, logs),
        *_of_events(expected, record),
    ]


def _of_status(expected: Expected, record: PodRecord) -> Iterator[str]:
    status, outputs = record.pod.status, record.outputs
    yield from _same("phase", expected.phase, status.phase)
    yield from _same("reason", expected.reason, status.reason)
    yield from _fitting("message", expected.message, status.message)
    for name in ("result", "exit_code"):
        wanted, found = getattr(expected.outputs, name), getattr(outputs, name)
        if wanted is not None:
            yield from _same(f"outputs.{name}", wanted, found)
    if expected.outputs.parameters is not None:
        found_parameters = [(one.name, one.value) for one in outputs.parameters]
        wanted_parameters = list(expected.outputs.parameters.items())
        yield from _same("outputs.parameters", wanted_parameters, found_parameters)
    told = {condition.type: condition.status for condition in status.conditions}
    for kind, state in expected.conditions.items():
        yield from _same(f"condition {kind}", state, told.get(kind, "absent"))
    shown = encode(status)
    for field, text in expected.status.items():
        yield from _fitting(f"status.{field}", text, str(shown.get(field, "")))


def _of_containers(expected: Expected, record: PodRecord) -> Iterator[str]:
    status = record.pod.status
    everything = (*status.init_container_statuses, *status.container_statuses)
    found = {container.name: container for container in everything}
    for name, wanted in expected.containers.items():
        if name in found:
            yield from _of_container(f"container {name}", wanted, found[name])
        else:
            yield f"container {name}: no status"


def _of_container(what: str, expected: ContainerExpected, found: ContainerStatus) -> Iterator[str]:
    if expected.restarts is not None:
        yield from _same(f"{what}: restarts", expected.restarts, found.restart_count)
    if expected.waiting is not None:
        waits = found.state.waiting
        yield from _same(f"{what}: waiting", expected.waiting, waits and waits.reason)
        return
    fields = ("exit_code", "signal", "reason")
    wanted = {name: getattr(expected, name) for name in fields}
    ended = found.state.terminated
    if ended is None:
        if any(value is not None for value in (*wanted.values(), expected.message)):
            yield f"{what}: has not ended: {encode(found.state)}"
        return
    for name, value in wanted.items():
        if value is not None:
            yield from _same(f"{what}: {name}", value, getattr(ended, name))
    yield from _fitting(f"{what}: message", expected.message, ended.message)


def _of_logs(expected: Expected, logs: Logs) -> Iterator[str]:
    kinds = (
        ("log", expected.logs, (STDOUT, STDERR)),
        ("stdout", expected.stdout, (STDOUT,)),
        ("stderr", expected.stderr, (STDERR,)),
    )
    for what, texts, streams in kinds:
        for name, text in texts.items():
            data = b"".join(run.data for run in logs[name] if run.stream in streams)
            yield from _fitting(f"{what} of {name}", text, data.decode("utf-8", "backslashreplace"))


def _of_events(expected: Expected, record: PodRecord) -> Iterator[str]:
    told = [(event.reason, event.container) for event in record.events]
    left = iter(told)
    for event in expected.events:
        reason, _, container = event.partition(" ")
        if not any(r == reason and container in ("", c) for r, c in left):
            yield f"event {event!r} expected in order, found: {_events(told)}"
            break
    for reason in expected.absent:
        if any(reason == one for one, _ in told):
            yield f"event {reason!r} not expected, found: {_events(told)}"


def _same(what: str, expected: object, found: object) -> Iterator[str]:
    if expected != found:
        yield f"{what}: expected {expected!r}, found {found!r}"


def _fitting(what: str, expected: Text | None, found: str) -> Iterator[str]:
    if expected is not None and not fits(found, expected):
        yield f"{what}: expected {_say(expected)}, found {_short(found)}"


def _say(text: Text) -> str:
    if isinstance(text, Pattern):
        return f"what matches {text.matches!r}" if text.matches else f"{text.contains!r} in it"
    return _short(text)


def _short(text: str) -> str:
    half = _LONGEST // 2
    return repr(text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}")


def _events(told: list[tuple[str, str]]) -> str:
    return ", ".join(f"{reason} {container}".strip() for reason, container in told)
