"""From a Template to what an executor is asked for."""

from __future__ import annotations

import json
import math
import re
import uuid
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.argo.translate.body import ResultRule, plan_pod, read_body
from argoexec_cli.argo.translate.durations import parse_seconds
from argoexec_cli.argo.translate.template import Template, ValueFrom, read_template, value_text
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.record import FileParameter, OutputsWanted, PodRequest

EXECUTOR: Final = "argoexec.io/executor"
"""Annotation, or key of a nodeSelector, that names the executor where the body does not."""
NODE_SELECTOR: Final = "argoexec.io/node-selector"
CLIENT: Final = "argoexec.io/client"
"""Label by which a plugin or an agent finds its pods again."""
WORKFLOW: Final = "workflows.argoproj.io/workflow"
WORKFLOW_UID: Final = "argoexec.io/workflow-uid"
NODE: Final = "workflows.argoproj.io/node-id"
_NAME_CHARS: Final = re.compile(r"[^a-z0-9.-]+")
_LONGEST_NAME: Final = 253


class Owner(NamedTuple):
    """The workflow that a task belongs to. `client` is who hands the task over."""

    namespace: str
    name: str
    uid: str
    client: str = "argo"


class Identity(NamedTuple):
    """Which task of the workflow it is: the same key is the same pod, however often it is asked.

    `suffix` ends the pod's name; `node_id` is empty where Argo does not say it.
    """

    key: str
    suffix: str
    node_id: str = ""


class Returned(NamedTuple):
    """A declared output parameter. `fixed` is its value where it needs no file."""

    name: str
    global_name: str
    fixed: str | None


class Delegation(NamedTuple):
    """A task to hand over. `executor` is "" for the default one; `limit_s` counts from now on."""

    request: PodRequest
    executor: str
    limit_s: float | None
    returns: tuple[Returned, ...]
    result: ResultRule


def delegate(template: dict[str, Any], owner: Owner, identity: Identity) -> Delegation:
    """Translate a template of ours. The same arguments give the same answer.

    `FieldError` and `UnknownFieldError` have the path of what cannot be.
    """
    read = read_template(template)
    body = read_body(read)
    planned = plan_pod(read, body)
    files, returns = _outputs(read)
    timeout, deadline = _limits(read)
    spec = planned.spec
    limits = [limit for limit in (timeout, deadline, spec.active_deadline_seconds) if limit]
    if limits:
        limit_s = math.ceil(min(limits))
        spec = msgspec.structs.replace(spec, active_deadline_seconds=limit_s)
    wanted = OutputsWanted(
        result=body.result != "none", exit_code=True, container=planned.main, parameters=files
    )
    pod = Pod(metadata=_metadata(read, owner, identity, spec), spec=spec)
    return Delegation(
        request=PodRequest(pod, wanted, planned.files),
        executor=body.executor or _hinted(read),
        limit_s=timeout,
        returns=returns,
        result=body.result,
    )


def executor_named(template: dict[str, Any]) -> str:
    """Return the executor that a template of ours names, "" for none or when it is wrong."""
    try:
        read = read_template(template)
        return read_body(read).executor or _hinted(read)
    except InvalidError:
        return ""


def pod_uid(owner: Owner, key: str) -> str:
    """Return the uid of a task's pod, which follows from the workflow's and the task's."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"argoexec:{owner.uid}/{key}"))


def _metadata(template: Template, owner: Owner, identity: Identity, spec: PodSpec) -> ObjectMeta:
    uid = pod_uid(owner, identity.key)
    annotations = {
        **template.metadata.annotations,
        "kubectl.kubernetes.io/default-container": spec.containers[0].name,
        WORKFLOW_UID: owner.uid,
    }
    if identity.node_id:
        annotations[NODE] = identity.node_id
    if template.node_selector:
        annotations[NODE_SELECTOR] = json.dumps(template.node_selector, sort_keys=True)
    return ObjectMeta(
        name=_pod_name(owner.name, template.name, f"{identity.suffix}-{uid[:5]}"),
        namespace=owner.namespace,
        uid=uid,
        labels={**template.metadata.labels, WORKFLOW: owner.name[:63], CLIENT: owner.client},
        annotations=annotations,
    )


def _hinted(template: Template) -> str:
    annotations = template.metadata.annotations
    return template.node_selector.get(EXECUTOR) or annotations.get(EXECUTOR) or ""


def _pod_name(workflow: str, template: str, suffix: str) -> str:
    """Name the pod as Argo's second format does: workflow, template, hash of the node; and then
    some of its uid, for a workflow of the same name may have left one.
    """
    stem = f"{workflow}-{template}" if template else workflow
    stem = _NAME_CHARS.sub("-", stem.lower()).strip("-.")
    return f"{stem[: _LONGEST_NAME - len(suffix) - 1].rstrip('-.')}-{suffix}"


def _limits(template: Template) -> tuple[float | None, float | None]:
    timeout = parse_seconds(template.timeout, "timeout") if template.timeout else None
    deadline = template.active_deadline_seconds
    if deadline in (None, ""):
        return timeout, None
    text = str(deadline).strip()
    if not text.isdecimal():
        raise FieldError("activeDeadlineSeconds", f"{text[:40]!r} is not a whole number")
    return timeout, parse_seconds(text, "activeDeadlineSeconds")


def _outputs(template: Template) -> tuple[tuple[FileParameter, ...], tuple[Returned, ...]]:
    files, returns = [], []
    for index, one in enumerate(template.outputs.parameters):
        source, fixed = one.value_from or ValueFrom(), None
        default = None if source.default is None else value_text(source.default)
        if one.value is not None:
            fixed = value_text(one.value)
        elif source.path:
            files.append(FileParameter(name=one.name, path=source.path, default=default))
        elif default is not None:
            fixed = default
        else:
            raise FieldError(
                f"outputs.parameters[{index}].valueFrom",
                "only path and default are supported",
                hint="valueFrom: {path: /tmp/file}",
            )
        returns.append(Returned(one.name, one.global_name, fixed))
    for index, artifact in enumerate(template.outputs.artifacts):
        if not artifact.optional:
            raise FieldError(
                f"outputs.artifacts[{index}]",
                "output artifacts are not supported",
                hint="return small data as a parameter: valueFrom: {path: …}",
            )
    return tuple(files), tuple(returns)
