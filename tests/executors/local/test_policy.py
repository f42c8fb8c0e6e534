"""What policy grants is granted, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from argoexec_cli.errors import DeniedError, UnsupportedFieldError
from argoexec_cli.executors.local.policy import Policy, check_policy, check_powers
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.runtime.base import Capabilities

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


def image(name: str) -> PodSpec:
    """Return a pod with this image."""
    return spec(containers=[{"name": "main", "image": name}])


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


POWERS = [
    (spec(hostNetwork=True), "spec.hostNetwork"),
    (spec(shareProcessNamespace=True), "spec.shareProcessNamespace"),
    (spec(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}]), "spec.hostAliases"),
    (spec(securityContext={"runAsUser": 1000}), "spec.securityContext"),
    (secured(runAsUser=1000), "spec.initContainers[0].securityContext"),
    (secured(readOnlyRootFilesystem=True), "spec.initContainers[0].securityContext"),
]


@pytest.mark.parametrize(("wanted", "path"), POWERS, ids=[path for _, path in POWERS])
def test_what_a_runtime_would_ignore_is_refused(wanted: PodSpec, path: str) -> None:
    check_powers(wanted, Capabilities(name="docker", version="1"))
    with pytest.raises(UnsupportedFieldError, match=re.escape(path)) as caught:
        check_powers(wanted, Capabilities(name="containerd", version="1", security=False))
    assert caught.value.hint.startswith("containerd does not honour it yet")


def test_a_plain_pod_needs_no_powers() -> None:
    check_powers(spec(), Capabilities(name="containerd", version="1", security=False))


@pytest.mark.parametrize(
    "name",
    ["busybox", "busybox:1.36", "docker.io/library/busybox@sha256:0", "lab.local:5000/a/b:1"],
)
def test_an_image_of_the_list(name: str) -> None:
    patterns = ("docker.io/library/busybox*", "lab.local:5000/*")
    check_policy(image(name), Policy(images=patterns))
    check_policy(image(name), Policy())


@pytest.mark.parametrize("name", ["busy", "evil/busybox", "lab.local/a/b", "docker.io/a/busybox"])
def test_an_image_outside_the_list(name: str) -> None:
    patterns = ("docker.io/library/busybox*", "lab.local:5000/*")
    with pytest.raises(
        DeniedError, match=r"spec\.containers\[0\]\.image \(.*\) is not allowed"
    ) as exc:
        check_policy(image(name), Policy(images=patterns))
    assert exc.value.hint.endswith(f"argoexec serve --allow-image {name}")


def test_what_is_granted_is_told() -> None:
    assert Policy().granted == ()
    told = msgspec.structs.replace(ALL, images=("lab/*",)).granted
    assert told == (
        "privileged",
        "host-network",
        "capability:SYS_ADMIN",
        "host-path:/srv/data",
        "image:lab/*",
    )
