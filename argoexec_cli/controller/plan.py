"""What a WorkflowRun comes to: one node, the pod for it, and who shall run it. Pure."""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from argoexec_cli.controller.arguments import (
    SPEC,
    input_tags,
    input_values,
    workflow_arguments,
    workflow_tags,
)
from argoexec_cli.controller.names import check_label, check_subdomain, node_id, pod_name
from argoexec_cli.controller.podspec import build_request
from argoexec_cli.controller.templates import substitute
from argoexec_cli.models.base import FieldError, decode, encode
from argoexec_cli.models.record import PodRequest
from argoexec_cli.models.workflow import Inputs, NodeStatus, Template, WorkflowRun, WorkflowSpec

EXECUTOR_ANNOTATION: Final = "argoexec.io/executor"
_PLACEHOLDER_UID: Final = str(uuid.UUID(int=0))


class Plan(msgspec.Struct, frozen=True):
    """The node, still Pending; its pod; the executor that the template or run names, or ""."""

    node: NodeStatus
    request: PodRequest
    executor: str


def plan_run(run: WorkflowRun) -> Plan:
    """Work out the plan of *run*, whose name, namespace and uid are set.

    Repeatable: the same run gives the same plan. `FieldError` has the path of what is wrong.
    """
    spec = run.spec.workflow_spec
    if spec is None:
        raise _without_spec(run)
    index = _entrypoint(spec)
    path, template = f"{SPEC}.templates[{index}]", spec.templates[index]
    arguments = workflow_arguments(run, spec, template)
    tags = workflow_tags(run, spec, arguments)
    inputs = input_values(template, arguments, tags, path)
    name = run.metadata.name
    node = NodeStatus(
        id=node_id(name, name),
        name=name,
        display_name=name,
        template_name=template.name,
        template_scope=f"local/{name}",
        pod_name=pod_name(name, name, template.name),
    )
    if inputs:
        node = msgspec.structs.replace(node, inputs=Inputs(inputs))
    tags |= input_tags(inputs) | {"pod.name": node.pod_name, "node.name": node.name}
    filled = _fill(template, tags, path)
    request = build_request(run, spec, filled, node, path)
    executor = filled.metadata.annotations.get(EXECUTOR_ANNOTATION) or run.spec.executor
    return Plan(msgspec.structs.replace(node, executor=executor), request, executor)


def check_run(run: WorkflowRun) -> Plan:
    """Plan *run* before it has a uid: the same pod under another one, or the same `FieldError`."""
    meta = run.metadata
    check_subdomain(meta.name, "metadata.name")
    check_label(meta.namespace or "default", "metadata.namespace")
    named = msgspec.structs.replace(
        meta, namespace=meta.namespace or "default", uid=meta.uid or _PLACEHOLDER_UID
    )
    return plan_run(msgspec.structs.replace(run, metadata=named))


def _without_spec(run: WorkflowRun) -> FieldError:
    if run.spec.workflow_ref is None:
        return FieldError("spec", "one of workflowSpec and workflowRef is required")
    return FieldError(
        "spec.workflowRef",
        f"there is no Workflow {run.spec.workflow_ref.name!r} in this submission",
        hint="submit both together: argoexec submit workflow.yaml run.yaml",
    )


def _entrypoint(spec: WorkflowSpec) -> int:
    names = [template.name for template in spec.templates]
    for index, name in enumerate(names):
        path = f"{SPEC}.templates[{index}].name"
        if not name:
            raise FieldError(path, "a template needs a name")
        if name in names[:index]:
            raise FieldError(path, f"{name!r} appears twice")
    if spec.entrypoint not in names:
        raise FieldError(
            f"{SPEC}.entrypoint",
            f"there is no template {spec.entrypoint!r}",
            hint=f"the templates: {', '.join(names)}" if names else "there are no templates",
        )
    return names.index(spec.entrypoint)


def _fill(template: Template, tags: dict[str, str], path: str) -> Template:
    # The inputs are where the tags come from: they are not searched for tags again.
    body = msgspec.structs.replace(template, inputs=Inputs())
    return decode(substitute(encode(body), tags, path), Template)
