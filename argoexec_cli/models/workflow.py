"""Workflow and WorkflowRun: what a person asks of the built-in controller, and the record that it
keeps.

The fields of a Workflow are Argo's (argoproj.io/v1alpha1), those that are implemented here. A model
without fields stands for an object that Argo's own tools write out empty (`outputs: {}`): empty it
means nothing, anything in it is refused by its path.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec

from argoexec_cli.models.base import Model
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import (
    Container,
    ContainerPort,
    EnvVar,
    PullPolicy,
    ResourceRequirements,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.security import PodSecurityContext, SecurityContext
from argoexec_cli.models.sources import EnvFromSource, LocalObjectReference

Phase = Literal["", "Pending", "Running", "Succeeded", "Failed", "Error"]
FULFILLED: Final = frozenset({"Succeeded", "Failed", "Error"})
"""The phases that a node or a run never leaves."""

Scalar = str | int | float | bool


def any_string(value: Scalar) -> str:
    """Write a parameter's value as Argo does: YAML and JSON may say 3, 0.5 or true where a string
    is meant.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value.is_integer():
        return str(int(value))
    number, _, exponent = repr(value).partition("e")
    if not exponent:
        return number
    digits = number.lstrip("-").replace(".", "")
    return f"{'-' if value < 0 else ''}0.{'0' * (-int(exponent) - 1)}{digits}"


class Parameter(Model):
    """A parameter; `value` and `default` are strings once decoded, whatever scalar was written.

    `description` is for people. Source: Argo's Parameter and AnyString.
    """

    name: str
    value: Scalar | None = None
    default: Scalar | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Turn other scalars into strings, so that equal values are equal models."""
        for field in ("value", "default"):
            given = getattr(self, field)
            if given is not None and not isinstance(given, str):
                msgspec.structs.force_setattr(self, field, any_string(given))

    @property
    def text(self) -> str | None:
        """The value, else the default, else None."""
        given = self.default if self.value is None else self.value
        return None if given is None else any_string(given)


class Arguments(Model):
    """Values for parameters, by name."""

    parameters: tuple[Parameter, ...] = ()


class Inputs(Model):
    """The parameters that a template takes."""

    parameters: tuple[Parameter, ...] = ()


class Outputs(Model):
    """What a template returns beside `result` and `exitCode`: nothing yet."""


class TemplateMetadata(Model):
    """Labels and annotations for the template's pod. The annotation `argoexec.io/executor` chooses
    its executor.
    """

    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class MainContainer(Model):
    """Source: Argo's Template.container: a core/v1 Container whose name is always `main`."""

    image: str
    name: Literal["", "main"] = ""
    image_pull_policy: PullPolicy = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    security_context: SecurityContext = SecurityContext()
    volume_mounts: tuple[VolumeMount, ...] = ()


class ScriptTemplate(MainContainer, kw_only=True):
    """Source: Argo's ScriptTemplate. `source` becomes a file, whose path is the last argument of
    `command`.
    """

    source: str


class Template(Model):
    """Source: Argo's Template. Exactly one of `container` and `script` says what to run; its
    `security_context` is in place of the workflow's.
    """

    name: str
    inputs: Inputs = Inputs()
    outputs: Outputs = Outputs()
    metadata: TemplateMetadata = TemplateMetadata()
    container: MainContainer | None = None
    script: ScriptTemplate | None = None
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    security_context: PodSecurityContext | None = None
    active_deadline_seconds: int | str | None = None


class WorkflowSpec(Model):
    """Source: Argo's WorkflowSpec. `active_deadline_seconds` counts from the start of the run."""

    templates: tuple[Template, ...]
    entrypoint: str
    arguments: Arguments = Arguments()
    volumes: tuple[Volume, ...] = ()
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    security_context: PodSecurityContext | None = None
    active_deadline_seconds: int | None = None


class Workflow(Model, kw_only=True):
    """A workflow as Argo's users write it."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Workflow"] = "Workflow"
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkflowSpec


class WorkflowRef(Model):
    """Names a Workflow of the same submission."""

    name: str


class WorkflowRunSpec(Model):
    """What to run and where.

    `workflow_ref` is only for manifests: submitting puts the Workflow's spec in its place.
    `arguments` override those of the Workflow, `executor` overrides the registry's default.
    `shutdown` is the wish to stop (Argo's `Workflow.spec.shutdown`).
    """

    executor: str = ""
    workflow_spec: WorkflowSpec | None = None
    workflow_ref: WorkflowRef | None = None
    arguments: Arguments = Arguments()
    shutdown: Literal["", "Stop"] = ""


class NodeOutputs(Model):
    """Source: Argo's Outputs. `exit_code` is decimal; both are absent when there is nothing to
    tell.
    """

    result: str | None = None
    exit_code: str | None = None
    parameters: tuple[Parameter, ...] = ()


class NodeStatus(Model, kw_only=True):
    """One task of a run. Source: Argo's NodeStatus; `executor` and `pod_name` say where to look for
    it.
    """

    id: str
    name: str
    display_name: str
    type: Literal["Pod"] = "Pod"
    template_name: str
    template_scope: str = ""
    phase: Phase = "Pending"
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: str = "0/1"
    executor: str = ""
    pod_name: str = ""
    inputs: Inputs = Inputs()
    outputs: NodeOutputs = NodeOutputs()


class WorkflowRunStatus(Model):
    """How far the run is. `nodes` is keyed by node id, like Argo's; `progress` counts nodes,
    done/all.
    """

    phase: Phase = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: str = ""
    nodes: dict[str, NodeStatus] = msgspec.field(default_factory=dict)


class WorkflowRun(Model, kw_only=True):
    """One run of a workflow. `status` is the controller's; it is not read from a client."""

    api_version: Literal["argoexec.io/v1alpha1"] = "argoexec.io/v1alpha1"
    kind: Literal["WorkflowRun"] = "WorkflowRun"
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkflowRunSpec = WorkflowRunSpec()
    status: WorkflowRunStatus = WorkflowRunStatus()

    @property
    def finished(self) -> bool:
        """Whether the run has ended for good."""
        return self.status.phase in FULFILLED

    @property
    def stopped(self) -> bool:
        """Whether the run did not succeed because somebody stopped it."""
        return self.spec.shutdown == "Stop" and self.status.phase == "Failed"
