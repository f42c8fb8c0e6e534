"""The registry of executors as a ConfigMap in the cluster. Pure.

What the registry will say is worked out by the built-in controller's own code; this module only
keeps it away from ConfigMaps that a real controller reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from argoexec_cli.argo.register.facts import Controller, is_helm
from argoexec_cli.argo.register.fields import FIELDS
from argoexec_cli.argo.register.plan import Plan, change, make
from argoexec_cli.errors import PreconditionError
from argoexec_cli.kube.base import Object
from argoexec_cli.kube.resources import CONFIG_MAPS


def check_no_controller(controllers: Sequence[Controller], name: str, namespace: str) -> None:
    """Raise `PreconditionError` when a real controller reads the ConfigMap *namespace*/*name*.

    To it `executor` is a Container, and at a bare string it exits and stays down.
    """
    for each in controllers:
        if (each.namespace, each.config_map) != (namespace, name):
            continue
        route = "agent" if each.version is None or each.version.major >= 4 else "plugin"
        raise PreconditionError(
            f"the workflow-controller {each.label} reads the ConfigMap {name}: a name in its key "
            "executor would stop it",
            hint=f"argoexec register --route {route} --endpoint ADDRESS",
        )


def plan_registry(name: str, namespace: str, found: Object | None, data: dict[str, str]) -> Plan:
    """Plan to have *data* in the ConfigMap; other keys of it stay."""
    if found is None:
        manifest = {"metadata": {"name": name, "namespace": namespace}, "data": data}
        return Plan(make(CONFIG_MAPS, manifest, None))
    before = found.get("data") or {}
    _check_not_a_controllers(f"{namespace}/{name}", before)
    changed = {key: text for key, text in data.items() if before.get(key) != text}
    if changed and is_helm(found):
        raise PreconditionError(
            f"the ConfigMap {namespace}/{name} belongs to Helm, which would undo the change",
            hint=f"set it in the chart's values: {', '.join(sorted(changed))}",
        )
    return Plan(change(CONFIG_MAPS, found, {"data": changed}) if changed else ())


def _check_not_a_controllers(place: str, data: dict[str, str]) -> None:
    """Raise `PreconditionError` for what only a real controller's configuration has, whoever reads
    it: that controller may be one that we do not see.
    """
    import yaml

    theirs = [key for key in data if key == "config" or (key in FIELDS and key != "executor")]
    try:
        container = isinstance(yaml.safe_load(data.get("executor", "")), dict)
    except yaml.YAMLError:
        container = False
    if theirs or container:
        keys = ", ".join([*theirs, *(["executor, a Container"] if container else [])])
        raise PreconditionError(
            f"the ConfigMap {place} is a workflow-controller's own configuration, for it has: "
            f"{keys}; a name in its key executor would stop that controller",
            hint="argoexec register --route agent --endpoint ADDRESS, or --cluster -n NAMESPACE",
        )
