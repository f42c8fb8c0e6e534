"""The objects that a request becomes."""

from __future__ import annotations

from typing import Any

from argoexec_cli.executors.kubernetes.manifest import own_name, to_objects
from argoexec_cli.executors.local.plan.acceptance import accept
from argoexec_cli.models.base import decode
from argoexec_cli.models.record import PodRequest


def objects(spec: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the pod's spec and what travels."""
    main = {"name": "main", "image": "busybox"}
    containers = [main | each for each in spec.pop("containers", [{}])]
    pod = {"metadata": {"name": "a"}, "spec": spec | {"containers": containers}}
    request = decode({"pod": pod} | more, PodRequest)
    made = to_objects(accept(request), "hash")
    return made.pod["spec"], [one.manifest for one in made.others]


def test_a_plain_pod_gets_no_token_and_runs_once() -> None:
    spec, others = objects({})
    assert spec == {
        "containers": [{"name": "main", "image": "busybox"}],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
    }
    assert others == []


def test_every_reference_follows_what_travels_and_no_other_does() -> None:
    config, secret = own_name("a", "ConfigMap", "c"), own_name("a", "Secret", "s")
    volumes = [
        {"name": "v1", "configMap": {"name": "c"}},
        {"name": "v2", "secret": {"secretName": "s"}},
        {"name": "v3", "configMap": {"name": "of-the-cluster"}},
        {
            "name": "v4",
            "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]},
        },
    ]
    env_from = [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}}]
    spec, others = objects(
        {"volumes": volumes, "containers": [{"envFrom": env_from}]},
        configMaps=[{"metadata": {"name": "c"}, "data": {"k": "v"}}],
        secrets=[{"metadata": {"name": "s"}, "data": {"k": "djE="}}],
    )
    assert [one["name"] for each in spec["containers"][0]["envFrom"] for one in each.values()] == [
        config,
        secret,
    ]
    found = {each["name"]: each for each in spec["volumes"]}
    assert found["v1"]["configMap"] == {"name": config}
    assert found["v2"]["secret"] == {"secretName": secret}
    assert found["v3"]["configMap"] == {"name": "of-the-cluster"}
    assert found["v4"]["projected"]["sources"] == [
        {"configMap": {"name": config}},
        {"secret": {"name": secret}},
    ]
    assert [one["metadata"]["name"] for one in others] == [config, secret]
    assert others[1]["data"] == {"k": "djE="}


def test_files_are_mounted_wherever_their_volume_is() -> None:
    mounts = [
        {"name": "v", "mountPath": "/whole"},
        {"name": "v", "mountPath": "/part", "subPath": "deep"},
        {"name": "v", "mountPath": "/file", "subPath": "deep/x"},
        {"name": "v", "mountPath": "/else", "subPath": "other"},
    ]
    spec, others = objects(
        {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"volumeMounts": mounts}]},
        files=[{"volume": "v", "path": "deep/x", "content": "text", "mode": 0o755}],
    )
    file = {"name": "argoexec-files", "subPath": "f0", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"] == [
        mounts[0],
        file | {"mountPath": "/whole/deep/x"},
        mounts[1],
        file | {"mountPath": "/part/x"},
        file | {"mountPath": "/file"},
        mounts[3],
    ]
    name = own_name("a", "Files", "")
    items = [{"key": "f0", "path": "f0", "mode": 0o755}]
    assert spec["volumes"][1]["configMap"] == {"name": name, "items": items}
    assert others == [{"metadata": {"name": name}, "data": {"f0": "text"}}]
