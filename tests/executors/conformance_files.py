"""Volumes and variables: ConfigMaps, Secrets, fields of the pod, memory, parts of volumes."""

from __future__ import annotations

from typing import Any, Final

import pytest

from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.meta import ObjectMeta
from tests.executors.conformance_case import Case, check, main

_OBJECTS: Final[dict[str, Any]] = {
    "config_maps": (
        ConfigMap(
            metadata=ObjectMeta(name="cm"),
            data={"text": "from cm", "A_KEY": "upper"},
            binary_data={"bytes": b"\x00\xff"},
        ),
    ),
    "secrets": (
        Secret(
            metadata=ObjectMeta(name="sec"), data={"token": b"s3cret"}, string_data={"more": "m"}
        ),
    ),
}


_SUB_ITEM: Final = {"key": "text", "path": "sub/dir/t", "mode": 320}


def _mounts(*mounts: tuple[str, str], **fields: Any) -> list[dict[str, Any]]:
    return [{"name": name, "mountPath": path, **fields} for name, path in mounts]


def _volume(script: str, source: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a pod that runs *script* with a volume at /v."""
    return {
        "containers": [main(script, volumeMounts=_mounts(("v", "/v"), **fields))],
        "volumes": [{"name": "v", **source}],
    }


def _env(script: str, *env: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"containers": [main(script, env=list(env), **fields)]}


def _from(name: str, **source: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": source}


FILES: Final = (
    Case(
        name="memory-volume-is-a-tmpfs-of-its-size",
        spec=_volume(
            "stat -f -c %T /v; dd if=/dev/zero of=/v/x bs=1k count=2000 2>/dev/null || echo full",
            {"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        ),
        logs={"main": "tmpfs\nfull\n"},
    ),
    Case(
        name="config-map-volume",
        spec=_volume(
            "cd /v; cat text; echo; wc -c < bytes; stat -c %a text A_KEY;"
            " touch x 2>/dev/null || echo ro",
            {"configMap": {"name": "cm"}},
        ),
        logs={"main": "from cm\n2\n644\n644\nro\n"},
    ),
    Case(
        name="config-map-items-and-modes",
        spec=_volume(
            "cd /v; find . -type f; stat -c %a sub/dir/t",
            {"configMap": {"name": "cm", "items": [_SUB_ITEM]}},
        ),
        logs={"main": "./sub/dir/t\n500\n"},
    ),
    Case(
        name="secret-volume-is-in-memory",
        spec=_volume(
            "cat /v/token /v/more; echo; stat -f -c %T /v; stat -c %a /v/token",
            {"secret": {"secretName": "sec", "defaultMode": 256}},
        ),
        logs={"main": "s3cretm\ntmpfs\n400\n"},
    ),
    Case(
        name="optional-objects-may-be-missing",
        spec=_volume(
            "ls /v | wc -l; echo [$X]",
            {"configMap": {"name": "none", "optional": True}},
        ),
        logs={"main": "0\n\\[\\]\n"},
    ),
    Case(
        name="downward-api-volume",
        spec=_volume(
            "cat /v/labels; echo; cat /v/cpu",
            {
                "downwardAPI": {
                    "items": [
                        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                        {
                            "path": "cpu",
                            "resourceFieldRef": {
                                "containerName": "main",
                                "resource": "limits.cpu",
                                "divisor": "1m",
                            },
                        },
                    ]
                }
            },
        ),
        logs={"main": 'app="x"\n\\d+'},
    ),
    Case(
        name="projected-volume",
        spec=_volume(
            "cd /v; cat c token; stat -c %a c; stat -f -c %T .",
            {
                "projected": {
                    "defaultMode": 288,
                    "sources": [
                        {"configMap": {"name": "cm", "items": [{"key": "text", "path": "c"}]}},
                        {"secret": {"name": "sec"}},
                    ],
                }
            },
        ),
        logs={"main": "from cms3cret440\ntmpfs\n"},
    ),
    Case(
        name="nested-mounts-in-the-wrong-order",
        spec={
            "containers": [
                main(
                    "echo in > /a/b/x; echo out > /a/y; ls /a; cat /a/b/x",
                    volumeMounts=_mounts(("inner", "/a/b"), ("outer", "/a")),
                )
            ],
            "volumes": [{"name": "inner", "emptyDir": {}}, {"name": "outer", "emptyDir": {}}],
        },
        logs={"main": "b\ny\nin\n"},
    ),
    Case(
        name="read-only-mount",
        spec=_volume("touch /v/x 2>/dev/null || echo ro", {"emptyDir": {}}, readOnly=True),
        logs={"main": "ro\n"},
    ),
    Case(
        name="sub-path-is-made-and-shared",
        spec={
            "initContainers": [
                main(
                    "echo x > /s/f; mkdir -p /v/l",
                    "init",
                    volumeMounts=[
                        *_mounts(("v", "/s"), subPath="one/two"),
                        *_mounts(("v", "/v")),
                    ],
                )
            ],
            "containers": [
                main(
                    "cat /v/one/two/f /f",
                    volumeMounts=[
                        *_mounts(("v", "/v")),
                        *_mounts(("v", "/f"), subPath="one/two/f"),
                    ],
                )
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        logs={"main": "x\nx\n"},
    ),
    Case(
        name="sub-path-through-a-link-is-refused",
        spec={
            "initContainers": [main("ln -s /etc /v/l", "init", volumeMounts=_mounts(("v", "/v")))],
            "containers": [main("true", volumeMounts=_mounts(("v", "/s"), subPath="l/ssl"))],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        phase="Failed",
        reason="CreateContainerConfigError",
        waiting={"main": "CreateContainerConfigError"},
    ),
    Case(
        name="variables-from-everywhere",
        spec=_env(
            "echo $A $B $C $D $E $F $G$H",
            {"name": "Z", "value": "z"},
            _from("A", configMapKeyRef={"name": "cm", "key": "text"}),
            _from("B", secretKeyRef={"name": "sec", "key": "token"}),
            _from("C", fieldRef={"fieldPath": "metadata.labels['app']"}),
            _from("D", fieldRef={"fieldPath": "metadata.name"}),
            _from("E", resourceFieldRef={"resource": "limits.memory", "divisor": "1Mi"}),
            {"name": "F", "value": "$(A)/$(Z)"},
            _from("G", configMapKeyRef={"name": "none", "key": "k", "optional": True}),
            _from("H", secretKeyRef={"name": "sec", "key": "none", "optional": True}),
            resources={"limits": {"memory": "64Mi"}},
        ),
        logs={"main": "from cm s3cret x a 64 from cm/z\n"},
    ),
    Case(
        name="env-from-with-prefix",
        spec=_env(
            "echo $A_KEY $P_token $text",
            {"name": "text", "value": "own"},
            envFrom=[
                {"configMapRef": {"name": "cm"}},
                {"prefix": "P_", "secretRef": {"name": "sec"}},
                {"configMapRef": {"name": "none", "optional": True}},
            ],
        ),
        logs={"main": "upper s3cret own\n"},
    ),
    Case(
        name="the-pod-knows-its-address",
        spec=_env(
            "ip -4 addr | grep -q inet.$IP/ && echo same",
            _from("IP", fieldRef={"fieldPath": "status.podIP"}),
        ),
        logs={"main": "same\n"},
    ),
)
MISSING: Final = (
    Case(
        name="variable-of-a-missing-config-map",
        spec=_env("true", _from("A", configMapKeyRef={"name": "none", "key": "k"})),
        phase="Failed",
        reason="CreateContainerConfigError",
        waiting={"main": "CreateContainerConfigError"},
    ),
    Case(
        name="variable-of-a-missing-key",
        spec=_env("true", _from("A", secretKeyRef={"name": "sec", "key": "none"})),
        phase="Failed",
        reason="CreateContainerConfigError",
        waiting={"main": "CreateContainerConfigError"},
    ),
    Case(
        name="volume-of-a-missing-secret",
        spec=_volume("true", {"secret": {"secretName": "none"}}),
        phase="Failed",
        reason="CreateContainerConfigError",
    ),
    Case(
        name="volume-of-a-missing-key",
        spec=_volume("true", {"configMap": {"name": "cm", "items": [{"key": "k", "path": "p"}]}}),
        phase="Failed",
        reason="CreateContainerConfigError",
    ),
)


def _with_objects(case: Case) -> Case:
    return Case(**{**vars(case), "request": _OBJECTS})


class FileCases:
    """What every runtime does, with files or without."""

    @pytest.mark.parametrize("case", MISSING, ids=lambda case: case.name)
    async def test_missing(self, executor: Executor, case: Case) -> None:
        await check(executor, _with_objects(case))


class RealFileCases:
    """What needs files in a container."""

    @pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
    async def test_files(self, executor: Executor, case: Case) -> None:
        await check(executor, _with_objects(case))
