"""From a pod to container specs: what is refused, what is filled in, what variables become."""

from __future__ import annotations

import msgspec
import pytest

from argoexec_cli.executors.local.plan.acceptance import accept, spec_hash
from argoexec_cli.executors.local.plan.env import expand, resolve_env
from argoexec_cli.executors.local.plan.sources import sources_of
from argoexec_cli.executors.local.plan.spec import Place, container_spec, sandbox_spec
from argoexec_cli.models.base import FieldError, decode
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.record import File, OutputsWanted, PodRequest
from argoexec_cli.runtime.base import ContainerKey, Image, Mount, Sandbox
from tests.executors.pods import request

MAIN = {"name": "main", "image": "i"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$(C)", "$(C)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A $ $( $(A", "$A $ $( $(A"),
        ("$()", "$()"),
        ("price: 5$", "price: 5$"),
    ],
)
def test_variables_in_words(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_variables_refer_to_those_before_them() -> None:
    env = [("A", "1"), ("B", "$(A)$(C)"), ("C", "3"), ("A", "$(A)$(C)")]
    container = {**MAIN, "env": [{"name": name, "value": value} for name, value in env]}
    wanted = request(spec=decode({"containers": [container]}, PodSpec))
    resolved = resolve_env(wanted.pod.spec.containers[0], sources_of(wanted, {}))
    assert resolved == (("A", "13"), ("B", "1$(C)"), ("C", "3"))


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"containers": []}, "spec.containers"),
        ({"containers": [{**MAIN, "restartPolicy": "Always"}]}, "spec.containers[0].restartPolicy"),
        ({"containers": [{**MAIN, "name": "Main"}]}, "spec.containers[0].name"),
        ({"containers": [{**MAIN, "name": "main\n"}]}, "spec.containers[0].name"),
        ({"containers": [{**MAIN, "image": ""}]}, "spec.containers[0].image"),
        ({"containers": [MAIN], "initContainers": [MAIN]}, "spec.containers[0].name"),
        ({"containers": [MAIN], "volumes": [{"name": "../x"}]}, "spec.volumes[0].name"),
        ({"containers": [MAIN], "volumes": [{"name": "/etc"}]}, "spec.volumes[0].name"),
        ({"containers": [MAIN], "volumes": [{"name": "v"}] * 2}, "spec.volumes[1].name"),
        ({"containers": [{**MAIN, "env": [{"name": "A=B"}]}]}, "spec.containers[0].env[0].name"),
        ({"containers": [{**MAIN, "env": [{"name": ""}]}]}, "spec.containers[0].env[0].name"),
        ({"containers": [MAIN], "activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds"),
        ({"containers": [MAIN], "activeDeadlineSeconds": 10**12}, "spec.activeDeadlineSeconds"),
        (
            {"containers": [MAIN], "terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds",
        ),
        (
            {"containers": [{**MAIN, "resources": {"limits": {"gpu": 1}}}]},
            "spec.containers[0].resources.limits.gpu",
        ),
        (
            {"containers": [{**MAIN, "resources": {"requests": {"cpu": "-1"}}}]},
            "spec.containers[0].resources.requests.cpu",
        ),
        (
            {"containers": [{**MAIN, "resources": {"limits": {"cpu": "1E"}}}]},
            "spec.containers[0].resources.limits.cpu",
        ),
        (
            {"containers": [{**MAIN, "resources": {"limits": {"memory": "1e99"}}}]},
            "spec.containers[0].resources.limits.memory",
        ),
    ],
)
def test_a_wrong_field_is_named(spec: dict[str, object], path: str) -> None:
    with pytest.raises(FieldError) as caught:
        accept(PodRequest(pod=decode({"metadata": {"name": "a"}, "spec": spec}, Pod)))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("container", "path"),
    [
        ({"command": ["a\0b"]}, "command"),
        ({"args": ["a\0b"]}, "args"),
        ({"env": [{"name": "A", "value": "a\0b"}]}, "env"),
        ({"workingDir": "here"}, "workingDir"),
        ({"terminationMessagePath": "here"}, "terminationMessagePath"),
        ({"envFrom": [{"prefix": "A"}]}, "envFrom[0]"),
        ({"envFrom": [{"configMapRef": {}, "secretRef": {}}]}, "envFrom[0]"),
        ({"env": [{"name": "A", "valueFrom": {}}]}, "env[0].valueFrom"),
        (
            {"env": [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"key": "k"}}}]},
            "env[0].valueFrom",
        ),
        (
            {"resources": {"limits": {"memory": "1Mi"}, "requests": {"memory": "1025Ki"}}},
            "resources.requests.memory",
        ),
        ({"securityContext": {"runAsUser": -1}}, "securityContext.runAsUser"),
        ({"securityContext": {"runAsGroup": 2**32}}, "securityContext.runAsGroup"),
        (
            {"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
            "securityContext.allowPrivilegeEscalation",
        ),
    ],
)
def test_a_wrong_field_of_a_container_is_named(container: dict[str, object], path: str) -> None:
    spec = {"containers": [{**MAIN, "name": "first"}, {**MAIN, **container}]}
    with pytest.raises(FieldError) as caught:
        accept(PodRequest(pod=decode({"metadata": {"name": "a"}, "spec": spec}, Pod)))
    assert caught.value.path == f"spec.containers[1].{path}"


@pytest.mark.parametrize("field", ["runAsUser", "runAsGroup", "fsGroup"])
@pytest.mark.parametrize("number", [-1, 2**31, 2**32])
def test_a_number_that_no_kernel_takes(field: str, number: int) -> None:
    spec = {"containers": [MAIN], "securityContext": {field: number}}
    with pytest.raises(FieldError, match="must be from 0 to 2147483647") as caught:
        accept(PodRequest(pod=decode({"metadata": {"name": "a"}, "spec": spec}, Pod)))
    assert caught.value.path == f"spec.securityContext.{field}"


@pytest.mark.parametrize(
    ("volume", "path"),
    [
        ({"configMap": {"defaultMode": 0o1000}}, "configMap.defaultMode"),
        ({"secret": {"defaultMode": -1}}, "secret.defaultMode"),
        ({"downwardAPI": {"defaultMode": 0o4755}}, "downwardAPI.defaultMode"),
        ({"projected": {"defaultMode": 0o1000}}, "projected.defaultMode"),
        ({"projected": {"sources": [{}]}}, "projected.sources[0]"),
        ({"projected": {"sources": [{"configMap": {}, "secret": {}}]}}, "projected.sources[0]"),
        ({"downwardAPI": {"items": [{"path": "p"}]}}, "downwardAPI.items[0]"),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "status.podIP"}}]}},
            "downwardAPI.items[0].fieldRef.fieldPath",
        ),
    ],
)
def test_a_wrong_volume_is_named(volume: dict[str, object], path: str) -> None:
    spec = {"containers": [MAIN], "volumes": [{"name": "v", **volume}]}
    with pytest.raises(FieldError) as caught:
        accept(PodRequest(pod=decode({"metadata": {"name": "a"}, "spec": spec}, Pod)))
    assert caught.value.path == f"spec.volumes[0].{path}"


@pytest.mark.parametrize(
    ("mounts", "path"),
    [
        ([{"name": "none", "mountPath": "/a"}], "volumeMounts[0].name"),
        ([{"name": "v", "mountPath": "a"}], "volumeMounts[0].mountPath"),
        ([{"name": "v", "mountPath": "/a:b"}], "volumeMounts[0].mountPath"),
        ([{"name": "v", "mountPath": "/a/../b"}], "volumeMounts[0].mountPath"),
        ([{"name": "v", "mountPath": "/"}], "volumeMounts[0].mountPath"),
        ([{"name": "v", "mountPath": "/dev/termination-log"}], "volumeMounts[0].mountPath"),
        (
            [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a/"}],
            "volumeMounts[1].mountPath",
        ),
    ],
)
def test_a_wrong_mount_is_named(mounts: list[dict[str, str]], path: str) -> None:
    spec = {"containers": [{**MAIN, "volumeMounts": mounts}], "volumes": [{"name": "v"}]}
    with pytest.raises(FieldError) as caught:
        accept(PodRequest(pod=decode({"metadata": {"name": "a"}, "spec": spec}, Pod)))
    assert caught.value.path == f"spec.containers[0].{path}"


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (File(volume="none", path="a", content=""), "files[0].volume"),
        (File(volume="v", path="/etc/passwd", content=""), "files[0].path"),
        (File(volume="v", path="a/../../b", content=""), "files[0].path"),
        (File(volume="v", path="", content=""), "files[0].path"),
        (File(volume="v", path="a\0b", content=""), "files[0].path"),
        (File(volume="v", path="a", content="", mode=0o4755), "files[0].mode"),
    ],
)
def test_a_wrong_file_is_named(file: File, path: str) -> None:
    spec = {"containers": [MAIN], "volumes": [{"name": "v"}]}
    pod = decode({"metadata": {"name": "a"}, "spec": spec}, Pod)
    with pytest.raises(FieldError) as caught:
        accept(PodRequest(pod=pod, files=(file,)))
    assert caught.value.path == path


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a b", "a\n", "x" * 254, "../a", "ä"])
def test_a_wrong_name(name: str) -> None:
    with pytest.raises(FieldError, match=r"metadata\.name"):
        accept(request(name=name))


@pytest.mark.parametrize("uid", ["../x", "a/b", ".", "a\n", "x" * 64, "-"])
def test_a_wrong_uid(uid: str) -> None:
    with pytest.raises(FieldError, match=r"metadata\.uid"):
        accept(request(uid=uid))


def test_outputs_name_a_container() -> None:
    wanted = PodRequest(pod=request().pod, outputs=OutputsWanted(container="other"))
    with pytest.raises(FieldError, match=r"outputs\.container"):
        accept(wanted)


def test_what_the_server_decides() -> None:
    pod = accept(request(name="", generate_name="job-")).pod
    assert pod.metadata.name.startswith("job-")
    assert len(pod.metadata.name) == 9
    assert pod.metadata.namespace == "default"
    assert pod.status.phase == "Pending"
    assert accept(request(uid="mine")).pod.metadata.uid == "mine"


def test_the_hash_is_of_what_the_client_decides() -> None:
    wanted = request()
    same = [request(uid="x"), request(namespace="default")]
    other = [request("false"), request(labels={"a": "b"}), request(name="b")]
    assert {spec_hash(one) for one in same} == {spec_hash(wanted)}
    assert spec_hash(wanted) not in {spec_hash(one) for one in other}
    file = File(volume="v", path="a", content="x")
    assert spec_hash(msgspec.structs.replace(wanted, files=(file,))) != spec_hash(wanted)


def test_everything_is_resolved() -> None:
    spec = {
        "containers": [
            {
                **MAIN,
                "command": ["sh", "$(X)"],
                "args": ["$(Y)"],
                "env": [{"name": "X", "value": "1"}],
                "resources": {"limits": {"cpu": 0.5, "memory": "1Mi"}},
                "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "v"}],
    }
    wanted = accept(PodRequest(pod=decode({"metadata": {"name": "a.b"}, "spec": spec}, Pod)))
    pod = wanted.pod
    sandbox = Sandbox(spec=sandbox_spec(pod))
    key = ContainerKey(pod_uid=pod.metadata.uid, container="main")
    mounts = (Mount(source="/h", target="/v", read_only=True),)
    place = Place(sandbox, Image(id="x"), mounts)
    made = container_spec(pod.spec.containers[0], key, sources_of(wanted, {}), place)
    assert (made.command, made.args, made.env) == (("sh", "1"), ("$(Y)",), (("X", "1"),))
    assert (made.resources.cpu_millicores, made.resources.memory_bytes) == (500, 1 << 20)
    assert made.mounts == mounts
    assert sandbox.spec.hostname == "a.b"
