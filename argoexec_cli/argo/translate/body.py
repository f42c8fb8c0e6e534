"""What stands below `plugin.argoexec`, and the pod that it means."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar

import msgspec

from argoexec_cli.argo.translate.template import PLUGIN, Template, prefixed
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError, Model, decode
from argoexec_cli.models.pod import (
    Container,
    EmptyDirVolumeSource,
    HostAlias,
    PodSpec,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.record import File
from argoexec_cli.models.security import PodSecurityContext

MAIN: Final = "main"
AT: Final = f"plugin.{PLUGIN}"
_STAGING: Final = "argo-staging"
_STAGING_PATH: Final = "/argo/staging"
_SCRIPT: Final = "script"
_INPUTS: Final = "argo-inputs"

ResultRule = Literal["json", "text", "none"]
_T = TypeVar("_T")


class Body(Model):
    """`container` and `script` are Argo's, `pod` is a core/v1 PodSpec; exactly one of them is set.

    `executor` names who runs it. `result` says when stdout becomes `outputs.result`: "json" only if
    it is a JSON document, "text" always, "none" never. Argo parses the results of loops as JSON and
    fails the whole loop when one is not, so "json" is the default. `key` tells tasks apart that are
    otherwise equal, where Argo does not say which is which (the plugin): best `"{{node.name}}"`.
    """

    container: dict[str, Any] | None = None
    script: dict[str, Any] | None = None
    pod: dict[str, Any] | None = None
    executor: str = ""
    result: ResultRule = "json"
    key: str = ""


class Planned(Model):
    """A pod and the files that its volumes have from the start. `main` is whose outputs count."""

    spec: PodSpec
    files: tuple[File, ...]
    main: str


def read_body(template: Template) -> Body:
    """Return the body; `FieldError` unless it says exactly one thing to run."""
    raw = (template.plugin or {}).get(PLUGIN)
    try:
        body = decode(raw, Body)
    except InvalidError as exc:
        raise prefixed(exc, AT) from exc
    if sum(one is not None for one in (body.container, body.script, body.pod)) != 1:
        raise FieldError(AT, "needs exactly one of: container, script, pod")
    return body


def plan_pod(template: Template, body: Body) -> Planned:
    """Return the pod of *body*, with what the template says about it."""
    spec, files = _spec(body)
    main = next((c.name for c in spec.containers if c.name == MAIN), spec.containers[0].name)
    spec = _with_template(spec, template)
    spec, inputs = _with_inputs(spec, template, main)
    return Planned(spec, (*files, *inputs), main)


def _spec(body: Body) -> tuple[PodSpec, tuple[File, ...]]:
    if body.pod is not None:
        spec = _decode(body.pod, PodSpec, f"{AT}.pod")
        if not spec.containers:
            raise FieldError(f"{AT}.pod.containers", "at least one container is required")
        return spec, ()
    if body.script is None:
        return PodSpec(containers=(_main(body.container or {}, f"{AT}.container"),)), ()
    fields = dict(body.script)
    source = fields.pop("source", None)
    if not isinstance(source, str):
        raise FieldError(f"{AT}.script.source", "the script's text is required")
    main = _main(fields, f"{AT}.script")
    main = msgspec.structs.replace(
        main,
        args=(*main.args, f"{_STAGING_PATH}/{_SCRIPT}"),
        volume_mounts=(*main.volume_mounts, VolumeMount(_STAGING, _STAGING_PATH)),
    )
    file = File(volume=_STAGING, path=_SCRIPT, content=source, mode=0o755)
    return PodSpec(containers=(main,), volumes=(_scratch(_STAGING),)), (file,)


def _main(fields: dict[str, Any], path: str) -> Container:
    if fields.get("name", MAIN) not in ("", MAIN):
        raise FieldError(f"{path}.name", f"is always {MAIN}")
    if not fields.get("image"):
        raise FieldError(f"{path}.image", "an image is required")
    return _decode(fields | {"name": MAIN}, Container, path)


def _with_template(spec: PodSpec, template: Template) -> PodSpec:
    """Add the pod's parts that stand beside the body."""
    beside = {
        "volumes": list(template.volumes),
        "initContainers": list(template.init_containers),
        # Argo ends its sidecars when main has ended, and that is what these are.
        "sidecars": [one | {"restartPolicy": "Always"} for one in template.sidecars],
        "hostAliases": list(template.host_aliases),
        "securityContext": template.security_context,
    }
    read = _decode({name: value for name, value in beside.items() if value}, _Beside)
    return msgspec.structs.replace(
        spec,
        volumes=(*spec.volumes, *read.volumes),
        init_containers=(*spec.init_containers, *read.init_containers, *read.sidecars),
        host_aliases=(*spec.host_aliases, *read.host_aliases),
        security_context=read.security_context or spec.security_context,
        restart_policy=spec.restart_policy or "Never",
    )


class _Beside(Model):
    volumes: tuple[Volume, ...] = ()
    init_containers: tuple[Container, ...] = ()
    sidecars: tuple[Container, ...] = ()
    host_aliases: tuple[HostAlias, ...] = ()
    security_context: PodSecurityContext | None = None


def _with_inputs(spec: PodSpec, template: Template, main: str) -> tuple[PodSpec, tuple[File, ...]]:
    """Put raw input artifacts at their paths in the main container."""
    files, mounts = [], []
    for index, artifact in enumerate(template.inputs.artifacts):
        at = f"inputs.artifacts[{index}]"
        if artifact.raw is None and artifact.optional:
            continue
        if artifact.raw is None:
            raise FieldError(
                at, "only raw artifacts are supported", hint="pass small data as a parameter"
            )
        if not artifact.path:
            raise FieldError(f"{at}.path", "is required")
        mode = 0o644 if artifact.mode is None else artifact.mode
        files.append(File(volume=_INPUTS, path=str(index), content=artifact.raw.data, mode=mode))
        mounts.append(VolumeMount(_INPUTS, artifact.path, sub_path=str(index)))
    if not files:
        return spec, ()
    containers = tuple(
        msgspec.structs.replace(one, volume_mounts=(*one.volume_mounts, *mounts))
        if one.name == main
        else one
        for one in spec.containers
    )
    volumes = (*spec.volumes, _scratch(_INPUTS))
    return msgspec.structs.replace(spec, containers=containers, volumes=volumes), tuple(files)


def _scratch(name: str) -> Volume:
    return Volume(name, EmptyDirVolumeSource())


def _decode(data: object, model: type[_T], path: str = "") -> _T:
    try:
        return decode(data, model)
    except InvalidError as exc:
        raise (prefixed(exc, path) if path else exc) from exc
