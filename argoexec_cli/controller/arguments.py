"""Which value each parameter has, and so what each template tag stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from argoexec_cli.controller.templates import replace_tags
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.workflow import Parameter, Template, WorkflowRun, WorkflowSpec

SPEC: Final = "spec.workflowSpec"


def workflow_arguments(run: WorkflowRun, spec: WorkflowSpec, template: Template) -> dict[str, str]:
    """Return the workflow's arguments by name: those of the run over those of the Workflow.

    `FieldError` for one that the run names and the workflow does not know, and for one without
    any value.
    """
    declared = [parameter.name for parameter in spec.arguments.parameters]
    known = dict.fromkeys([*declared, *(p.name for p in template.inputs.parameters)])
    _check_names(spec.arguments.parameters, f"{SPEC}.arguments.parameters")
    _check_names(run.spec.arguments.parameters, "spec.arguments.parameters")
    values = {p.name: p.text for p in spec.arguments.parameters}
    for index, parameter in enumerate(run.spec.arguments.parameters):
        if parameter.name not in known:
            raise unknown_parameter(parameter.name, known, f"spec.arguments.parameters[{index}]")
        if parameter.text is not None:
            values[parameter.name] = parameter.text
    for index, name in enumerate(declared):
        if values[name] is None:
            raise FieldError(
                f"{SPEC}.arguments.parameters[{index}]",
                f"spec.arguments.{name}.value is required",
                hint=f"give it a value: argoexec submit -p {name}=VALUE …",
            )
    return {name: value for name, value in values.items() if value is not None}


def unknown_parameter(name: str, known: Iterable[str], path: str) -> FieldError:
    """Return the error for a parameter that the workflow does not have."""
    names = ", ".join(known)
    hint = f"its parameters: {names}" if names else "it has no parameters"
    return FieldError(path, f"the workflow has no parameter {name!r}", hint=hint)


def workflow_tags(
    run: WorkflowRun, spec: WorkflowSpec, arguments: dict[str, str]
) -> dict[str, str]:
    """Return what the tags `workflow.…` stand for. Source: Argo's workflow variables."""
    meta = run.metadata
    listed = [{"name": name, "value": value} for name, value in arguments.items()]
    return {
        "workflow.name": meta.name,
        "workflow.namespace": meta.namespace,
        "workflow.uid": meta.uid,
        "workflow.mainEntrypoint": spec.entrypoint,
        "workflow.parameters": msgspec.json.encode(listed).decode(),
        **{f"workflow.parameters.{name}": value for name, value in arguments.items()},
        **{f"workflow.labels.{name}": value for name, value in meta.labels.items()},
        **{f"workflow.annotations.{name}": value for name, value in meta.annotations.items()},
    }


def input_values(
    template: Template, arguments: dict[str, str], tags: dict[str, str], path: str
) -> tuple[Parameter, ...]:
    """Return the template's input parameters with their values: argument, value, default.

    A value may itself contain `workflow.…` tags, as in Argo.
    """
    _check_names(template.inputs.parameters, f"{path}.inputs.parameters")
    filled = []
    for index, parameter in enumerate(template.inputs.parameters):
        at = f"{path}.inputs.parameters[{index}]"
        value = arguments.get(parameter.name, parameter.text)
        if value is None:
            raise FieldError(
                at,
                f"inputs.parameters.{parameter.name} was not supplied",
                hint=f"give it a value: argoexec submit -p {parameter.name}=VALUE …",
            )
        value = replace_tags(value, tags, f"{at}.value", keep_unknown=True)
        filled.append(Parameter(parameter.name, value, description=parameter.description))
    return tuple(filled)


def input_tags(inputs: tuple[Parameter, ...]) -> dict[str, str]:
    """Return what the tags `inputs.…` stand for."""
    values = {parameter.name: parameter.text or "" for parameter in inputs}
    listed = [{"name": name, "value": value} for name, value in values.items()]
    return {
        "inputs.parameters": msgspec.json.encode(listed).decode(),
        **{f"inputs.parameters.{name}": value for name, value in values.items()},
    }


def _check_names(parameters: tuple[Parameter, ...], path: str) -> None:
    seen: set[str] = set()
    for index, parameter in enumerate(parameters):
        if not parameter.name:
            raise FieldError(f"{path}[{index}].name", "a parameter needs a name")
        if parameter.name in seen:
            raise FieldError(f"{path}[{index}].name", f"{parameter.name!r} appears twice")
        seen.add(parameter.name)
