"""What containerd says of its configuration, and where things are then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.errors import UnsupportedError
from argoexec_cli.runtime.base import ContainerKey
from argoexec_cli.runtime.containerd.layout import Layout, container_id
from argoexec_cli.runtime.containerd.memory import _path
from argoexec_cli.runtime.containerd.names import parse_name
from argoexec_cli.runtime.containerd.surroundings import Surroundings, read_surroundings


def config(runtime: dict[str, Any], **cni: object) -> str:
    """Return a configuration with one runtime, as containerd tells it."""
    containerd = {
        "snapshotter": "overlayfs",
        "defaultRuntimeName": "runc",
        "runtimes": {"runc": runtime},
    }
    return json.dumps({"containerd": containerd, "cni": cni, "more": {"that": "is skipped"}})


def test_all_of_it() -> None:
    options = {"BinaryName": "crun", "Root": "/run/r", "SystemdCgroup": True, "CriuPath": ""}
    runtime = {"runtimeType": "io.containerd.runc.v2", "options": options}
    found = read_surroundings(config(runtime, binDir="/bin/cni", confDir="/etc/net"))
    assert found == Surroundings(
        binary="crun",
        root="/run/r",
        systemd_cgroup=True,
        network_conf="/etc/net",
        network_programs=("/bin/cni",),
    )
    assert found.options().binary_name == "crun"


def test_little_of_it() -> None:
    runtime = {"runtimeType": "io.containerd.runc.v2", "options": None}
    assert read_surroundings(config(runtime, binDirs=["/a", "/b"])).network_programs == ("/a", "/b")
    assert read_surroundings("{}") == Surroundings()
    assert read_surroundings("") == Surroundings()


def test_something_else_than_runc() -> None:
    with pytest.raises(UnsupportedError, match="kata"):
        read_surroundings(config({"runtimeType": "io.containerd.kata.v2"}))
    with pytest.raises(UnsupportedError, match="not known here"):
        read_surroundings("[]")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (ContainerKey(pod_uid="u-1", container="main"), "argoexec-u-1-main-0"),
        (ContainerKey(pod_uid="u", container="", attempt=0), "argoexec-u.sandbox-0"),
    ],
)
def test_names_are_the_keys(key: ContainerKey, expected: str) -> None:
    assert container_id(key) == expected


@pytest.mark.parametrize("uid", ["x" * 80, "with space", "a/b", "under__score", "-"])
def test_names_that_containerd_would_refuse_are_made_short(uid: str) -> None:
    first = container_id(ContainerKey(pod_uid=uid, container="main", attempt=3))
    assert len(first) <= 76
    assert first.startswith("argoexec-")
    assert first.endswith("-3")
    assert first == container_id(ContainerKey(pod_uid=uid, container="main", attempt=3))
    assert first != container_id(ContainerKey(pod_uid=uid, container="other", attempt=3))


def test_control_groups(tmp_path: Path) -> None:
    assert Layout("o", tmp_path).cgroup("c") == "/argoexec/c"
    assert Layout("o", tmp_path, "/mine").cgroup("c") == "/mine/c"
    assert Layout("o", tmp_path, "", True).cgroup("c") == "system.slice:argoexec:c"
    assert _path("/argoexec/c") == "argoexec/c"
    assert _path("system.slice:argoexec:c") == "system.slice/argoexec-c.scope"
    assert _path("a-b.slice:argoexec:c") == "a.slice/a-b.slice/argoexec-c.scope"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.35", "docker.io/library/busybox:1.35"),
        ("some/body@sha256:1", "docker.io/some/body@sha256:1"),
        ("some/body:1@sha256:1", "docker.io/some/body@sha256:1"),
        ("localhost/x", "localhost/x:latest"),
        ("127.0.0.1:5000/a/b/c:2", "127.0.0.1:5000/a/b/c:2"),
        ("ghcr.io/a", "ghcr.io/a:latest"),
    ],
)
def test_names_of_images_in_full(name: str, full: str) -> None:
    assert str(parse_name(name)) == full
