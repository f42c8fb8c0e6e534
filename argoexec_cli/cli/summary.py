"""One run or pod in detail, as `argo get` lays it out."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from argoexec_cli.cli.durations import render_age
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.table import paint, printable, render_table
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.status import ContainerStatus
from argoexec_cli.models.workflow import NodeStatus, WorkflowRun

_MARKS: Final = {"Succeeded": "✔", "Failed": "✖", "Error": "⚠", "Running": "●"}
_PENDING: Final = "◷"


def render_summary(item: Item, now: datetime, color: bool) -> str:
    """Render the facts, then the steps or containers."""
    width = max(len(name) for name, _ in _facts(item, now))
    lines = []
    for name, value in _facts(item, now):
        shown = paint(value, item.phase, color) if name == "Status" else printable(value)
        lines.append(f"{name + ':':<{width + 3}}{shown}\n")
    steps = render_steps(item, now, color)
    return "".join(lines) + (f"\n{steps}" if steps else "")


def render_steps(item: Item, now: datetime, color: bool) -> str:
    """Render the nodes of a run, or the containers of a pod; "" when there are none yet."""
    source = item.source
    if isinstance(source, PodRecord):
        status = source.pod.status
        containers = (*status.init_container_statuses, *status.container_statuses)
        rows = [_container_row(container) for container in containers]
        head = ["CONTAINER", "STATE", "EXIT", "RESTARTS", "IMAGE", "MESSAGE"]
    else:
        rows = [_node_row(node, now) for node in source.status.nodes.values()]
        head = ["STEP", "TEMPLATE", "PODNAME", "EXECUTOR", "DURATION", "MESSAGE"]
    return render_table(rows, header=head, color=color) if rows else ""


def _facts(item: Item, now: datetime) -> list[tuple[str, str]]:
    facts = [
        ("Name", item.name),
        ("Namespace", item.namespace),
        ("Kind", "run" if item.kind == "workflowrun" else "pod"),
        ("Status", item.status),
        ("Message", " ".join(item.message.split())),
        ("Executor", item.executor),
        ("Created", _moment(item.created, now)),
        ("Started", _moment(item.started, now)),
        ("Finished", _moment(item.finished, now)),
        ("Duration", _span(item.duration_s(now))),
    ]
    source = item.source
    facts += _run_facts(source) if isinstance(source, WorkflowRun) else _pod_facts(source)
    return [(name, value) for name, value in facts if value]


def _run_facts(run: WorkflowRun) -> list[tuple[str, str]]:
    facts = [("Progress", run.status.progress)]
    spec = run.spec.workflow_spec
    values = {p.name: p.text for p in (spec.arguments.parameters if spec else ())}
    values |= {p.name: p.text for p in run.spec.arguments.parameters}
    facts += [(f"Parameter {name}", _one_line(value or "")) for name, value in values.items()]
    for node in run.status.nodes.values():
        facts.append(("Exit code", node.outputs.exit_code or ""))
        facts.append(("Result", _one_line(node.outputs.result or "")))
    return facts


def _pod_facts(record: PodRecord) -> list[tuple[str, str]]:
    return [
        ("IP", record.pod.status.pod_ip),
        ("Exit code", record.outputs.exit_code or ""),
        ("Result", _one_line(record.outputs.result or "")),
    ]


def _node_row(node: NodeStatus, now: datetime) -> list[str]:
    seconds = None
    if node.started_at:
        seconds = ((node.finished_at or now) - node.started_at).total_seconds()
    mark = _MARKS.get(node.phase, _PENDING)
    return [
        f"{mark} {node.display_name}",
        node.template_name,
        node.pod_name or "-",
        node.executor or "-",
        _span(seconds) or "-",
        " ".join(node.message.split()),
    ]


def _container_row(container: ContainerStatus) -> list[str]:
    state = container.state
    if state.terminated:
        ended = state.terminated
        cells = [ended.reason or "Terminated", str(ended.exit_code), ended.message]
    elif state.running:
        cells = ["Running", "-", ""]
    else:
        waiting = state.waiting
        cells = [waiting.reason or "Waiting", "-", waiting.message] if waiting else ["-", "-", ""]
    word, code, message = cells
    restarts = str(container.restart_count)
    return [container.name, word, code, restarts, container.image, " ".join(message.split())]


def _moment(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    age = render_age((now - moment).total_seconds())
    return f"{moment.isoformat(timespec='seconds').replace('+00:00', 'Z')} ({age} ago)"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else render_age(seconds)


def _one_line(text: str) -> str:
    line, _, rest = text.partition("\n")
    return f"{line[:100]} …" if rest or len(line) > 100 else line
