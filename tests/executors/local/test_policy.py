"""What policy grants is granted, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from argoexec_cli.errors import DeniedError
from argoexec_cli.executors.local.policy import Policy, check_policy
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec

MAIN = {"name": "main", "image": "i"}


def spec(**fields: Any) -> PodSpec:
    """Return a pod with more *fields*."""
    return decode({"containers": [MAIN]} | fields, PodSpec)


def secured(**fields: Any) -> PodSpec:
    """Return a pod whose init container asks for *fields*."""
    return spec(initContainers=[{**MAIN, "name": "init", "securityContext": fields}])


def host(path: str) -> PodSpec:
    """Return a pod with a volume of the host."""
    return spec(volumes=[{"name": "v", "hostPath": {"path": path}}])


ALL = Policy(
    privileged=True,
    host_network=True,
    capabilities=frozenset({"SYS_ADMIN"}),
    host_paths=("/srv/data",),
)


@pytest.mark.parametrize(
    "asked",
    [
        secured(privileged=True),
        secured(capabilities={"add": ["CAP_SYS_ADMIN"]}),
        secured(capabilities={"add": ["sys_admin"]}),
        spec(hostNetwork=True),
        host("/srv/data"),
        host("/srv/data/a"),
    ],
)
def test_what_is_granted(asked: PodSpec) -> None:
    check_policy(asked, ALL)
    with pytest.raises(DeniedError, match="is not allowed"):
        check_policy(asked, Policy())


@pytest.mark.parametrize(
    "asked",
    [
        host("/"),
        host("/srv"),
        host("/srv/database"),
        secured(capabilities={"add": ["ALL"]}),
        secured(capabilities={"add": ["NET_ADMIN"]}),
    ],
)
def test_what_is_not(asked: PodSpec) -> None:
    with pytest.raises(DeniedError, match="is not allowed"):
        check_policy(asked, ALL)


def test_the_usual_needs_nobodys_consent() -> None:
    check_policy(secured(capabilities={"add": ["CHOWN"], "drop": ["ALL"]}), Policy())
