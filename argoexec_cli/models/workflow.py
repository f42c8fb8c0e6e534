"""Workflow and WorkflowRun: what the built-in controller runs, and the record that it keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.meta import ObjectMeta

RunPhase = Literal["", "Pending", "Running", "Succeeded", "Failed", "Error"]


class WorkflowRunSpec(Model):
    """What to run and where. `executor` overrides the registry's default."""

    executor: str = ""


class WorkflowRunStatus(Model):
    """How far the run is."""

    phase: RunPhase = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    nodes: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


class WorkflowRun(Model, kw_only=True):
    """One run of a workflow."""

    api_version: Literal["argoexec.io/v1alpha1"] = "argoexec.io/v1alpha1"
    kind: Literal["WorkflowRun"] = "WorkflowRun"
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkflowRunSpec = WorkflowRunSpec()
    status: WorkflowRunStatus = WorkflowRunStatus()
