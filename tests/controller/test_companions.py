"""ConfigMaps and Secrets of a submission: each pod gets what it refers to, and nothing else."""

from __future__ import annotations

import pytest

from argoexec_cli.controller.load import Overrides, Source, load_everything
from argoexec_cli.controller.plan import check_run
from argoexec_cli.controller.submission import Submission
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.pod import Pod

OBJECTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: sec}
stringData: {token: hush-hush-value}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: elsewhere}
data: {token: aHVzaA==}
---
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: main
    image: busybox
    %s
  volumes: [%s]
"""
ENV = "env: [{name: A, valueFrom: {%s: {name: %s, key: k}}}]"


def load(text: str, **overrides: str) -> Submission:
    return load_everything([Source("f.yaml", text.encode())], Overrides(**overrides))  # type: ignore[arg-type] # as written


def names_of(given: Submission) -> list[str]:
    (one,) = given.objects
    pod = one if isinstance(one, Pod) else check_run(one).request.pod
    own = given.companions.of(pod)
    maps = [one.metadata.name for one in own.config_maps]
    return maps + [one.metadata.name for one in own.secrets]


@pytest.mark.parametrize(
    ("container", "volume", "names"),
    [
        ("args: []", "", []),
        (ENV % ("configMapKeyRef", "cm"), "", ["cm"]),
        (ENV % ("secretKeyRef", "sec"), "", ["sec"]),
        ("envFrom: [{configMapRef: {name: cm}}, {secretRef: {name: sec}}]", "", ["cm", "sec"]),
        ("args: []", "{name: v, configMap: {name: cm}}", ["cm"]),
        ("args: []", "{name: v, secret: {secretName: sec}}", ["sec"]),
        ("args: []", "{name: v, projected: {sources: [{secret: {name: sec}}]}}", ["sec"]),
        ("args: []", "{name: v, projected: {sources: [{configMap: {name: cm}}]}}", ["cm"]),
        (ENV % ("secretKeyRef", "other"), "", []),
    ],
)
def test_a_pod_gets_what_it_refers_to(container: str, volume: str, names: list[str]) -> None:
    assert names_of(load(OBJECTS + POD % (container, volume))) == names


def test_logins_for_images_travel_too() -> None:
    pod = POD.replace("spec:", "spec:\n  imagePullSecrets: [{name: sec}]") % ("args: []", "")
    assert names_of(load(OBJECTS + pod)) == ["sec"]


def test_a_namespace_of_the_command_line_is_everybody_s() -> None:
    pod = POD % (ENV % ("secretKeyRef", "other"), "")
    assert names_of(load(OBJECTS + pod, namespace="lab")) == ["other"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OBJECTS.replace("{name: cm}", "{}"), "f.yaml:3: metadata.name: a ConfigMap needs a name"),
        (OBJECTS + OBJECTS.rstrip("-\n"), "another ConfigMap of this submission is named 'cm'"),
        (OBJECTS.replace("stringData:", "stringdata:"), "f.yaml:9: stringdata is not supported"),
        (OBJECTS.replace("aHVzaA==", "hush-hush-value"), "f.yaml:14: data"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_a_value(text: str, told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        load(text)
    assert told in caught.value.message
    assert "hush" not in caught.value.message


def test_a_workflow_gets_what_its_pod_refers_to() -> None:
    template = "{name: a, container: {image: b, %s}, volumes: [%s]}"
    workflow = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\n"
        "spec: {entrypoint: a, arguments: {parameters: [{name: which, value: sec}]}, templates: ["
    )
    template %= ("envFrom: [{configMapRef: {name: cm}}]", "{name: v, %s}")
    template %= 'secret: {secretName: "{{workflow.parameters.which}}"}'
    assert names_of(load(f"{OBJECTS}{workflow}{template}]}}\n")) == ["cm", "sec"]
    simple = "{name: a, container: {image: b}}"
    assert names_of(load(f"{OBJECTS}{workflow}{simple}]}}\n")) == []
    logins = f"{workflow}{simple}], imagePullSecrets: [{{name: sec}}]}}\n"
    assert names_of(load(OBJECTS + logins)) == ["sec"]
