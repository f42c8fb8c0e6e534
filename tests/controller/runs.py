"""Runs for tests, and waiting for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from argoexec_cli.controller.service import Controller
from argoexec_cli.models.base import decode
from argoexec_cli.models.workflow import NodeStatus, WorkflowRun
from argoexec_cli.models.workflows import RunQuery, RunRef

LIMIT_S = 60.0


def make_run(name: str = "echo", *, message: str = "hello", **spec: object) -> WorkflowRun:
    """Return a run of one container template with a parameter."""
    template = {
        "name": "say",
        "inputs": {"parameters": [{"name": "message"}]},
        "container": {"image": "busybox", "command": ["echo", "{{inputs.parameters.message}}"]},
    }
    workflow = {
        "entrypoint": "say",
        "arguments": {"parameters": [{"name": "message", "value": message}]},
        "templates": [template],
    }
    return decode(
        {
            "metadata": {"name": name},
            "spec": {"workflowSpec": workflow | {k: v for k, v in spec.items() if k != "executor"}}
            | {k: v for k, v in spec.items() if k == "executor"},
        },
        WorkflowRun,
    )


def node_of(run: WorkflowRun) -> NodeStatus:
    """Return the run's only node."""
    (node,) = run.status.nodes.values()
    return node


async def until(
    controller: Controller, name: str, wanted: Callable[[WorkflowRun], bool]
) -> WorkflowRun:
    """Watch the run until it is as wanted."""
    async with asyncio.timeout(LIMIT_S), aclosing(controller.watch_runs(RunQuery(name=name))) as w:
        async for update in w:
            if update.run is not None and wanted(update.run):
                return update.run
    raise AssertionError("the watch has ended")


def ref(name: str = "echo") -> RunRef:
    """Return the reference of a run in the default namespace."""
    return RunRef(name=name)
