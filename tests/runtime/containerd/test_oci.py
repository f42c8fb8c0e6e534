"""From our specs to the OCI runtime specification."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.runtime.base import (
    ContainerKey,
    ContainerSpec,
    Image,
    Mount,
    Resources,
    Sandbox,
    SandboxSpec,
    Security,
)
from argoexec_cli.runtime.containerd.images import Details, ImageConfig
from argoexec_cli.runtime.containerd.oci import Shared, render
from argoexec_cli.runtime.containerd.privileges import capabilities_of
from argoexec_cli.runtime.containerd.seccomp import _profile

SANDBOX = SandboxSpec(
    key=ContainerKey(pod_uid="p", container=""),
    pod_name="pod",
    pod_namespace="default",
    hostname="pod-host",
)
SPEC = ContainerSpec(
    key=ContainerKey(pod_uid="p", container="main"),
    sandbox=Sandbox(spec=SANDBOX),
    image=Image(id="sha256:1"),
    command=("run",),
)


def rendered(shared: Shared | None = None, **fields: Any) -> dict[str, Any]:
    """Describe a container of an image that says nothing, with these fields of its spec."""
    spec = msgspec.structs.replace(SPEC, **fields)
    return render(spec, Details("sha256:2"), shared or Shared("/net"), "/group/name")


def test_namespaces_are_its_own_but_for_what_is_shared() -> None:
    kinds = {one["type"]: one.get("path") for one in rendered()["linux"]["namespaces"]}
    kinds.pop("cgroup", None)
    assert kinds == {"mount": None, "ipc": None, "pid": None, "uts": None, "network": "/net"}
    described = rendered(Shared("/net", "/ipc", "/pid", "/shm"))
    kinds = {one["type"]: one.get("path") for one in described["linux"]["namespaces"]}
    assert (kinds["ipc"], kinds["pid"], kinds["uts"]) == ("/ipc", "/pid", None)
    shm = [one for one in described["mounts"] if one["destination"] == "/dev/shm"]
    assert [(one["type"], one["source"]) for one in shm] == [("bind", "/shm")]


def test_the_hosts_network_brings_the_hosts_name() -> None:
    sandbox = Sandbox(spec=msgspec.structs.replace(SANDBOX, host_network=True))
    described = rendered(sandbox=sandbox)
    kinds = {one["type"] for one in described["linux"]["namespaces"]}
    assert not kinds & {"network", "uts"}
    assert "hostname" not in described
    assert "HOSTNAME=pod-host" not in described["process"]["env"]


def test_a_profile_confines_what_is_not_privileged() -> None:
    def confined_by(security: Security) -> object:
        spec = msgspec.structs.replace(SPEC, security=security)
        described = render(spec, Details("sha256:2"), Shared("/net"), "/g", "profile")
        return described["process"].get("apparmorProfile")

    assert confined_by(Security()) == "profile"
    assert confined_by(Security(privileged=True)) is None
    assert "apparmorProfile" not in rendered()["process"]


def test_mounts_come_last_and_in_order() -> None:
    mounts = (
        Mount(source="/a", target="/data"),
        Mount(source="/b", target="/data/b", read_only=True),
    )
    described = rendered(mounts=mounts)["mounts"]
    assert [(one["source"], one["options"]) for one in described[-2:]] == [
        ("/a", ["rbind", "rprivate", "rw"]),
        ("/b", ["rbind", "rprivate", "ro"]),
    ]


def test_limits_are_the_kubelets() -> None:
    limits = rendered(resources=Resources(cpu_millicores=250, memory_bytes=1 << 20))["linux"]
    assert limits["resources"]["cpu"] == {"period": 100_000, "quota": 25_000, "shares": 256}
    assert limits["resources"]["memory"]["limit"] == 1 << 20
    little = rendered(resources=Resources(cpu_millicores=1))["linux"]["resources"]["cpu"]
    assert (little["quota"], little["shares"]) == (1000, 2)


def test_an_image_s_words_are_kept_or_replaced() -> None:
    image = Details(
        "sha256:2",
        ImageConfig(
            env=("PATH=/bin", "A=1", "B=x=y"),
            entrypoint=("entry",),
            cmd=("cmd",),
            working_dir="/work",
            user="5",
        ),
    )
    spec = msgspec.structs.replace(SPEC, command=(), env=(("A", "2"),))
    process = render(spec, image, Shared("/net"), "/g")["process"]
    assert (process["args"], process["cwd"]) == (["entry", "cmd"], "/work")
    assert set(process["env"]) == {"PATH=/bin", "A=2", "B=x=y", "HOSTNAME=pod-host", "HOME=/"}
    assert process["user"]["uid"] == 5
    assert "effective" not in process["capabilities"]


def test_nothing_to_run() -> None:
    with pytest.raises(InvalidError, match="what to run"):
        rendered(command=())


@pytest.mark.parametrize(
    ("add", "drop", "has", "lacks"),
    [
        ((), (), {"CHOWN", "NET_RAW"}, {"SYS_ADMIN", "NET_ADMIN"}),
        (("NET_ADMIN",), ("NET_RAW",), {"NET_ADMIN", "CHOWN"}, {"NET_RAW"}),
        (("KILL",), ("ALL",), {"KILL"}, {"CHOWN"}),
        (("CHOWN",), ("CHOWN",), {"CHOWN"}, set()),
    ],
)
def test_capabilities(
    add: tuple[str, ...], drop: tuple[str, ...], has: set[str], lacks: set[str]
) -> None:
    names = capabilities_of(Security(add_capabilities=add, drop_capabilities=drop))
    assert has <= names
    assert not lacks & names


def test_a_capability_that_there_is_not() -> None:
    with pytest.raises(InvalidError, match="FLY"):
        capabilities_of(Security(add_capabilities=("FLY",)))


def test_privileged_hides_and_forbids_nothing() -> None:
    linux = rendered(security=Security(privileged=True))["linux"]
    assert not linux.keys() & {"seccomp", "maskedPaths", "readonlyPaths"}
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert any(one["path"] == "/dev/null" for one in linux["devices"])


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_that_are_of_no_use_without_a_capability_come_with_it(machine: str) -> None:
    usual, admin = _profile(machine, frozenset()), _profile(machine, frozenset({"SYS_ADMIN"}))
    assert usual is not None
    assert admin is not None
    allowed = {name for rule in usual["syscalls"] for name in rule["names"]}
    assert not allowed & {"mount", "kexec_load", "keyctl", "userfaultfd", "io_uring_setup", "bpf"}
    assert "mount" in admin["syscalls"][0]["names"]
    (clone,) = [rule for rule in usual["syscalls"] if rule["names"] == ["clone"]]
    assert clone["args"][0]["op"] == "SCMP_CMP_MASKED_EQ"
    (clone3,) = [rule for rule in usual["syscalls"] if rule["names"] == ["clone3"]]
    assert clone3["errnoRet"] == 38


def test_a_machine_that_is_not_described_has_no_rules() -> None:
    assert _profile("riscv64", frozenset()) is None
