"""The fields of the workflow-controller's configuration, and what each may be.

From 3.4 on the controller exits at a field that is not here or has another type.
Source: argo-workflows v4.1.2, config/config.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from argoexec_cli.argo.register.versions import AGENT_SINCE, Version

_DURATION: Final = re.compile(r"[-+]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+")
Check = Callable[[Any], bool]


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    """Numbers and truth values become strings where a string is wanted."""
    return isinstance(value, str | int | float)


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and bool(_DURATION.fullmatch(value))


def _is_rate(value: Any) -> bool:
    return _is_map(value) and set(value) <= {"limit", "burst"}


def _is_restriction(value: Any) -> bool:
    allowed = {"", "Strict", "Secure", None}
    return (
        _is_map(value)
        and set(value) <= {"templateReferencing"}
        and all(each in allowed for each in value.values())
    )


def _is_switch(value: Any) -> bool:
    return _is_map(value) and set(value) <= {"enabled"} and all(map(_is_bool, value.values()))


FIELDS: Final[dict[str, tuple[Check, str]]] = {
    "artifactDrivers": (_is_list, "a list"),
    "artifactRepository": (_is_map, "a map"),
    "columns": (_is_list, "a list"),
    "disableAgentPodCreation": (_is_bool, "true or false"),
    "executor": (_is_map, "a Container, which is a map"),
    "failedPodRestart": (_is_map, "a map"),
    "images": (_is_map, "a map"),
    "initialDelay": (_is_duration, "a duration"),
    "initlessPod": (_is_switch, "a map with enabled"),
    "instanceID": (_is_scalar, "text"),
    "kubeConfig": (_is_map, "a map"),
    "links": (_is_list, "a list"),
    "mainContainer": (_is_map, "a Container, which is a map"),
    "metricsConfig": (_is_map, "a map"),
    "namespace": (_is_scalar, "text"),
    "namespaceParallelism": (_is_int, "a number"),
    "navColor": (_is_scalar, "text"),
    "nodeEvents": (_is_map, "a map"),
    "parallelism": (_is_int, "a number"),
    "persistence": (_is_map, "a map"),
    "podGCDeleteDelayDuration": (_is_duration, "a duration"),
    "podGCGracePeriodSeconds": (_is_int, "a number"),
    "podSpecLogStrategy": (_is_map, "a map"),
    "resourceRateLimit": (_is_rate, "a map with limit and burst"),
    "retentionPolicy": (_is_map, "a map"),
    "sso": (_is_map, "a map"),
    "synchronization": (_is_map, "a map"),
    "telemetryConfig": (_is_map, "a map"),
    "workflowDefaults": (_is_map, "a map"),
    "workflowEvents": (_is_map, "a map"),
    "workflowRestrictions": (_is_restriction, "a map with templateReferencing"),
}
SINCE: Final[dict[str, Version]] = {
    "disableAgentPodCreation": AGENT_SINCE,
    "initlessPod": AGENT_SINCE,
}
REMOVED: Final = frozenset(
    {"containerRuntimeExecutor", "containerRuntimeExecutors", "kubeletPort", "kubeletInsecure"}
)
"""Gone since 3.4; the usual reason why an old configuration stops a new controller."""
