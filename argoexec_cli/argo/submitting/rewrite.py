"""Rewrites the container and script templates of a Workflow into `plugin: {argoexec: …}`. Pure.

The reverse of what `argo.translate` reads. Everything else stays as it is: steps, DAGs, arguments,
retries, artifacts. What Argo would give a pod from the workflow itself is copied into the template,
for that is all a plugin sees.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError

Manifest = dict[str, Any]
PLUGIN: Final = "argoexec"
_BODIES: Final = ("container", "script")
_INHERITED: Final = ("nodeSelector", "securityContext", "hostAliases")
_IMPOSSIBLE: Final = {
    "daemon": "a task of an executor has no address in the cluster",
    "podSpecPatch": "there is no pod of the cluster to patch",
}
_POD_NAME: Final = "{{pod.name}}"
_LOOPS: Final = ("withItems", "withParam", "withSequence")


def rewrite_workflow(workflow: Manifest, executor: str = "") -> Manifest:
    """Return *workflow* with its tasks for our executors; *executor* names one for all of them.

    Rewriting twice changes nothing. `FieldError` for what a plugin cannot be, with its path;
    `InvalidError` for a workflow that has no task of its own to rewrite.
    """
    rewritten = copy.deepcopy(workflow)
    spec = rewritten.get("spec") or {}
    results = _Results(spec)
    count = 0
    for path, template in _templates(spec):
        if any(body in template for body in _BODIES):
            _rewrite(template, path, spec, results.rule(template.get("name", "")), executor)
        count += PLUGIN in (template.get("plugin") or {})
    if not count:
        raise InvalidError(
            "this workflow has no container or script template of its own",
            hint="templates of a WorkflowTemplate are rewritten there: argoexec cannot see them",
        )
    return rewritten


def _templates(spec: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Return every template with its path, those inside steps and DAGs too."""
    for index, template in enumerate(spec.get("templates") or []):
        path = f"spec.templates[{index}]"
        yield path, template
        for step_path, step in _uses(template, path):
            if isinstance(step.get("inline"), dict):
                yield f"{step_path}.inline", step["inline"]


def _uses(template: Manifest, path: str) -> Iterator[tuple[str, Manifest]]:
    for number, group in enumerate(template.get("steps") or []):
        for index, step in enumerate(group if isinstance(group, list) else []):
            yield f"{path}.steps[{number}][{index}]", step
    for index, task in enumerate((template.get("dag") or {}).get("tasks") or []):
        yield f"{path}.dag.tasks[{index}]", task


def _rewrite(template: Manifest, path: str, spec: Manifest, rule: str, executor: str) -> None:
    for field, why in _IMPOSSIBLE.items():
        if template.get(field):
            raise FieldError(f"{path}.{field}", why)
    if _POD_NAME in json.dumps(template):
        raise FieldError(path, f"{_POD_NAME} is not known to plugins", hint="use {{node.name}}")
    kind = next(body for body in _BODIES if body in template)
    body = dict(template.pop(kind))
    body.pop("name", None)
    plugin: Manifest = {kind: body, "key": "{{node.name}}"}
    if rule:
        plugin["result"] = rule
    if executor:
        plugin["executor"] = executor
    template["plugin"] = {PLUGIN: plugin}
    for field in _INHERITED:
        if field in spec and field not in template:
            template[field] = copy.deepcopy(spec[field])
    _inherit_volumes(template, spec, body)


def _inherit_volumes(template: Manifest, spec: Manifest, body: Manifest) -> None:
    """Copy the workflow's volumes that the template mounts."""
    containers = [body, *(template.get("initContainers") or []), *(template.get("sidecars") or [])]
    mounted = {one["name"] for each in containers for one in each.get("volumeMounts") or []}
    own = {one["name"] for one in template.get("volumes") or []}
    missing = [
        copy.deepcopy(one)
        for one in spec.get("volumes") or []
        if one["name"] in mounted and one["name"] not in own
    ]
    if missing:
        template["volumes"] = [*(template.get("volumes") or []), *missing]


class _Results:
    """Whose output is used as `outputs.result`: as text, unless a loop would read it as JSON."""

    def __init__(self, spec: Manifest) -> None:
        text = json.dumps(spec.get("templates") or [])
        self._looped: set[str] = set()
        self._wanted: set[str] = set()
        for _, template in _templates(spec):
            for _, use in _uses(template, ""):
                self._note(use, text)

    def _note(self, use: Manifest, text: str) -> None:
        name, template = use.get("name", ""), use.get("template", "")
        if any(loop in use for loop in _LOOPS):
            self._looped.add(template)
        if re.search(rf"\b(steps|tasks)\.{re.escape(name)}\.outputs\.result\b", text):
            self._wanted.add(template)

    def rule(self, template: str) -> str:
        """Return the rule for a template: "text", or "" for the default, JSON only."""
        return "text" if template in self._wanted - self._looped else ""
