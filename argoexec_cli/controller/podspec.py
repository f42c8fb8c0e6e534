"""The pod of one task: Argo's shape, without the containers that Argo adds for itself."""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from argoexec_cli.models.base import FieldError, decode, encode
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import (
    Container,
    EmptyDirVolumeSource,
    Pod,
    PodSpec,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.record import File, OutputsWanted, PodRequest
from argoexec_cli.models.workflow import (
    MainContainer,
    NodeStatus,
    Template,
    WorkflowRun,
    WorkflowSpec,
)

MAIN: Final = "main"
WORKFLOW_LABEL: Final = "workflows.argoproj.io/workflow"
CONTROLLER_LABEL: Final = "workflows.argoproj.io/controller-instanceid"
_STAGING: Final = "argo-staging"
_STAGING_PATH: Final = "/argo/staging"
_SCRIPT: Final = "script"
_LONGEST_S: Final = 2**31 - 1


def build_request(
    run: WorkflowRun, spec: WorkflowSpec, template: Template, node: NodeStatus, path: str
) -> PodRequest:
    """Build the request for *node* from its substituted *template*.

    The pod's uid follows from the run's and the node's, so that asking again asks for the same pod.
    """
    main = template.script or template.container
    if main is None or (template.script and template.container):
        raise FieldError(path, "a template needs one of: container, script")
    volumes = (*spec.volumes, *template.volumes)
    files: tuple[File, ...] = ()
    if template.script:
        volumes = (*volumes, Volume(_STAGING, EmptyDirVolumeSource()))
        files = (File(volume=_STAGING, path=_SCRIPT, content=template.script.source, mode=0o755),)
    pod_spec = PodSpec(
        containers=(_main_container(main, staged=bool(template.script)),),
        init_containers=template.init_containers,
        volumes=volumes,
        restart_policy="Never",
        image_pull_secrets=spec.image_pull_secrets,
        active_deadline_seconds=_deadline(spec, template, path),
    )
    if security := template.security_context or spec.security_context:
        pod_spec = msgspec.structs.replace(pod_spec, security_context=security)
    pod = Pod(metadata=_metadata(run, template, node), spec=pod_spec)
    return PodRequest(pod, OutputsWanted(True, True, MAIN), files)


def _metadata(run: WorkflowRun, template: Template, node: NodeStatus) -> ObjectMeta:
    meta = run.metadata
    return ObjectMeta(
        name=node.pod_name,
        namespace=meta.namespace,
        uid=str(uuid.uuid5(uuid.UUID(meta.uid), node.id)),
        labels={**template.metadata.labels, WORKFLOW_LABEL: meta.name},
        annotations={
            **template.metadata.annotations,
            "kubectl.kubernetes.io/default-container": MAIN,
            "workflows.argoproj.io/node-id": node.id,
            "workflows.argoproj.io/node-name": node.name,
            "workflows.argoproj.io/pod-name-format": "v2",
        },
    )


def _main_container(main: MainContainer, *, staged: bool) -> Container:
    fields = encode(main)
    fields.pop("source", None)
    container = decode(fields | {"name": MAIN}, Container)
    if not staged:
        return container
    return msgspec.structs.replace(
        container,
        args=(*container.args, f"{_STAGING_PATH}/{_SCRIPT}"),
        volume_mounts=(*container.volume_mounts, VolumeMount(_STAGING, _STAGING_PATH)),
    )


def _deadline(spec: WorkflowSpec, template: Template, path: str) -> int | None:
    limits = []
    if spec.active_deadline_seconds is not None:
        limits.append((spec.active_deadline_seconds, "spec.workflowSpec"))
    if (own := template.active_deadline_seconds) is not None:
        limits.append((_whole_seconds(own, path), path))
    for limit, at in limits:
        if limit <= 0:
            raise FieldError(f"{at}.activeDeadlineSeconds", "must be greater than 0")
        if limit > _LONGEST_S:  # as the executors; and no moment is further away than that
            raise FieldError(f"{at}.activeDeadlineSeconds", f"must be at most {_LONGEST_S}")
    return min((limit for limit, _ in limits), default=None)


def _whole_seconds(value: int | str, path: str) -> int:
    text = str(value).strip()
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 12:
        raise FieldError(f"{path}.activeDeadlineSeconds", f"{text[:40]!r} is not a whole number")
    return int(text)
