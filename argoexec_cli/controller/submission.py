"""From decoded documents to runs: references, overrides, names, and the whole check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from argoexec_cli.controller.arguments import SPEC, unknown_parameter
from argoexec_cli.controller.documents import Document
from argoexec_cli.controller.names import check_pod_name, generate_name
from argoexec_cli.controller.plan import check_run
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError, Model
from argoexec_cli.models.companions import Companion, Companions, companions
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.workflow import (
    Arguments,
    Parameter,
    Workflow,
    WorkflowRun,
    WorkflowRunSpec,
)

Value = Workflow | WorkflowRun | Pod | ConfigMap | Secret
_Named = TypeVar("_Named", WorkflowRun, Pod)


class Overrides(Model):
    """What the command line says over the manifests. `parameters` must be known to some run."""

    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    executor: str = ""
    namespace: str = ""


class Part(NamedTuple):
    """A document and what it decoded to."""

    document: Document
    value: Value


class Submission(msgspec.Struct, frozen=True):
    """What to run, where each is written, and what their pods may refer to."""

    objects: list[WorkflowRun | Pod]
    documents: Sequence[Document]
    companions: Companions = Companions()


class _Draft(msgspec.Struct, frozen=True):
    """A run in the making, and the documents where it and its workflow's spec are written."""

    run: WorkflowRun
    document: Document
    spec_document: Document


def assemble(parts: Sequence[Part], overrides: Overrides) -> Submission:
    """Return what to run, in the order of *parts*, and what came beside it. Errors are
    `InvalidError` with file and line.
    """
    _check_unique(parts)
    runs = _runnable(parts, overrides)
    return Submission(
        [run for run, _ in runs], [document for _, document in runs], _beside(parts, overrides)
    )


def _beside(parts: Sequence[Part], overrides: Overrides) -> Companions:
    given: list[Companion] = []
    for document, value in parts:
        if not isinstance(value, ConfigMap | Secret):
            continue
        if not value.metadata.name:
            document.refuse("metadata.name", f"metadata.name: a {value.kind} needs a name")
        namespace = overrides.namespace or value.metadata.namespace or "default"
        meta = msgspec.structs.replace(value.metadata, namespace=namespace)
        given.append(msgspec.structs.replace(value, metadata=meta))
    return companions(given)


def _runnable(
    parts: Sequence[Part], overrides: Overrides
) -> list[tuple[WorkflowRun | Pod, Document]]:
    definitions = {
        part.value.metadata.name: part for part in parts if isinstance(part.value, Workflow)
    }
    referenced = {
        part.value.spec.workflow_ref.name
        for part in parts
        if isinstance(part.value, WorkflowRun) and part.value.spec.workflow_ref
    }
    runs: list[tuple[WorkflowRun | Pod, Document]] = []
    known: dict[str, None] = {}
    for part in parts:
        if isinstance(part.value, Pod):
            pod = _named(part.value, part.document, overrides)
            _check_pod(pod, part.document)
            runs.append((pod, part.document))
        elif draft := _draft(part, definitions, referenced):
            known |= dict.fromkeys(_parameters_of(draft.run))
            runs.append((_finish(draft, overrides), part.document))
    for name in overrides.parameters:
        if name not in known:
            error = unknown_parameter(name, known, "")
            raise InvalidError(f"-p {name}: {error.message}", hint=error.hint)
    return runs


def _draft(part: Part, definitions: dict[str, Part], referenced: set[str]) -> _Draft | None:
    value, document = part.value, part.document
    if isinstance(value, Workflow):
        if value.metadata.name and value.metadata.name in referenced:
            return None
        spec = WorkflowRunSpec(workflow_spec=value.spec)
        run = WorkflowRun(metadata=value.metadata, spec=spec)
        return _Draft(run, document, document)
    if not isinstance(value, WorkflowRun):
        return None
    run = WorkflowRun(metadata=value.metadata, spec=value.spec)
    if value.spec.workflow_ref is None:
        return _Draft(run, document, document)
    if value.spec.workflow_spec is not None:
        document.refuse("spec.workflowRef", "use one of workflowSpec and workflowRef, not both")
    definition = definitions.get(value.spec.workflow_ref.name)
    if definition is None or not isinstance(definition.value, Workflow):
        return _Draft(run, document, document)
    spec = msgspec.structs.replace(
        value.spec, workflow_ref=None, workflow_spec=definition.value.spec
    )
    return _Draft(msgspec.structs.replace(run, spec=spec), document, definition.document)


def _finish(draft: _Draft, overrides: Overrides) -> WorkflowRun:
    run = _named(draft.run, draft.document, overrides)
    mine = set(_parameters_of(run))
    arguments = {p.name: p for p in run.spec.arguments.parameters}
    for name, value in overrides.parameters.items():
        if name in mine:
            arguments[name] = Parameter(name, value)
    # Two of the same name in the manifest: left as they are, for the check to refuse.
    if len(arguments) < len(run.spec.arguments.parameters):
        parameters = run.spec.arguments.parameters
    else:
        parameters = tuple(arguments.values())
    spec = msgspec.structs.replace(
        run.spec,
        arguments=Arguments(parameters) if parameters else run.spec.arguments,
        executor=overrides.executor or run.spec.executor,
    )
    run = msgspec.structs.replace(run, spec=spec)
    try:
        check_run(run)
    except FieldError as exc:
        raise _located(exc, draft) from exc
    return run


def _located(error: FieldError, draft: _Draft) -> InvalidError:
    """Say where in the files the path of a planned run is."""
    if not error.path.startswith(SPEC):
        return draft.document.located(error)
    data = draft.document.data
    if draft.spec_document is draft.document and data["kind"] != "Workflow":
        return draft.document.located(error)
    path = "spec" + error.path.removeprefix(SPEC)
    problem = error.message.removeprefix(f"{error.path}: ")
    return draft.spec_document.located(FieldError(path, problem, hint=error.hint))


def _named(value: _Named, document: Document, overrides: Overrides) -> _Named:
    meta = value.metadata
    if not meta.name and not meta.generate_name:
        document.refuse(
            "metadata",
            "metadata: one of name and generateName is required",
            hint="for example: metadata: {generateName: hello-}",
        )
    named = msgspec.structs.replace(
        meta,
        # A manifest that `get -o yaml` printed makes a new object.
        uid="",
        creation_timestamp=None,
        name=meta.name or generate_name(meta.generate_name),
        namespace=overrides.namespace or meta.namespace or "default",
    )
    return msgspec.structs.replace(value, metadata=named)


def _check_pod(pod: Pod, document: Document) -> None:
    """Refuse here, with file and line, what every executor would refuse without them."""
    if not pod.spec.containers:
        document.refuse(
            "spec.containers",
            "spec.containers: a pod needs a container",
            hint="for example: containers: [{name: main, image: busybox, command: [date]}]",
        )
    try:
        check_pod_name(pod.metadata.name, "metadata.name")
    except FieldError as exc:
        raise document.located(exc) from exc


def _parameters_of(run: WorkflowRun) -> list[str]:
    spec = run.spec.workflow_spec
    if spec is None:
        return []
    inputs = [
        parameter.name
        for template in spec.templates
        if template.name == spec.entrypoint
        for parameter in template.inputs.parameters
    ]
    return [parameter.name for parameter in spec.arguments.parameters] + inputs


def _check_unique(parts: Sequence[Part]) -> None:
    seen: dict[tuple[str, str, str], Document] = {}
    for document, value in parts:
        meta = value.metadata
        if not meta.name:
            continue
        first = seen.setdefault((value.kind, meta.namespace, meta.name), document)
        if first is not document:
            document.refuse(
                "metadata.name",
                f"metadata.name: another {value.kind} of this submission is named {meta.name!r} "
                f"({first.file}:{first.line_of('metadata.name')})",
            )
