"""From a run to its pod."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from argoexec_cli.controller.plan import Plan, plan_run
from argoexec_cli.models.base import FieldError, decode, encode
from argoexec_cli.models.record import File, OutputsWanted
from argoexec_cli.models.workflow import WorkflowRun

UID = "6f9d2c0e-5a43-4c53-9a34-3f1c1f0b5a11"
META = {"name": "wf", "namespace": "ns", "uid": UID, "labels": {"team": "red"}}


def plan(template: dict[str, Any], *, run: dict[str, Any] | None = None, **spec: Any) -> Plan:
    """Plan a run of one template."""
    workflow = {"entrypoint": "t", "templates": [{"name": "t", **template}], **spec}
    document = {"metadata": META, "spec": {"workflowSpec": workflow, **(run or {})}}
    return plan_run(decode(document, WorkflowRun))


CONTAINER = {"container": {"image": "busybox", "command": ["echo"]}}


def test_the_pod_of_a_container_template() -> None:
    planned = plan(CONTAINER)
    pod = encode(planned.request.pod)
    assert pod["metadata"]["name"] == "wf"
    assert pod["metadata"]["namespace"] == "ns"
    assert pod["metadata"]["labels"] == {"workflows.argoproj.io/workflow": "wf"}
    assert pod["metadata"]["annotations"] == {
        "kubectl.kubernetes.io/default-container": "main",
        "workflows.argoproj.io/node-id": "wf",
        "workflows.argoproj.io/node-name": "wf",
        "workflows.argoproj.io/pod-name-format": "v2",
    }
    assert pod["spec"] == {
        "containers": ({"name": "main", "image": "busybox", "command": ("echo",)},),
        "restartPolicy": "Never",
    }
    assert planned.request.outputs == OutputsWanted(True, True, "main")
    assert planned.request.files == ()


def test_the_same_run_has_the_same_pod_and_another_run_another() -> None:
    assert plan(CONTAINER) == plan(CONTAINER)
    uid = plan(CONTAINER).request.pod.metadata.uid
    assert uid not in ("", UID)
    document = {
        "metadata": META | {"uid": UID.replace("6", "7")},
        "spec": {"workflowSpec": {"entrypoint": "t", "templates": [{"name": "t", **CONTAINER}]}},
    }
    assert plan_run(decode(document, WorkflowRun)).request.pod.metadata.uid != uid


def test_what_a_workflow_says_of_its_pods() -> None:
    container = {
        "image": "b",
        "envFrom": [{"secretRef": {"name": "s"}}],
        "ports": [{"containerPort": 80}],
        "securityContext": {"runAsUser": 7},
    }
    spec: dict[str, Any] = {
        "imagePullSecrets": [{"name": "login"}],
        "securityContext": {"fsGroup": 3},
    }
    pod = encode(plan({"container": container}, **spec).request.pod)
    assert {key: pod["spec"][key] for key in spec} == {
        "imagePullSecrets": ({"name": "login"},),
        "securityContext": {"fsGroup": 3},
    }
    (main,) = pod["spec"]["containers"]
    assert main["envFrom"] == ({"secretRef": {"name": "s"}},)
    assert main["ports"] == ({"containerPort": 80},)
    assert main["securityContext"] == {"runAsUser": 7}
    own = plan({"container": container, "securityContext": {"fsGroup": 4}}, **spec)
    assert own.request.pod.spec.security_context.fs_group == 4


def test_the_node_is_argos_root_node() -> None:
    node = plan(CONTAINER).node
    assert encode(node) == {
        "id": "wf",
        "name": "wf",
        "displayName": "wf",
        "templateName": "t",
        "templateScope": "local/wf",
        "podName": "wf",
    }


def test_a_script_is_a_file_whose_path_is_the_last_argument() -> None:
    script = {"image": "python", "command": ["python", "-u"], "source": "print('{{pod.name}}')\n"}
    request = plan({"script": script}).request
    (main,) = request.pod.spec.containers
    assert (main.command, main.args) == (("python", "-u"), ("/argo/staging/script",))
    assert request.files == (
        File(volume="argo-staging", path="script", content="print('wf')\n", mode=0o755),
    )
    assert encode(request.pod.spec)["volumes"] == ({"name": "argo-staging", "emptyDir": {}},)
    assert [(m.name, m.mount_path) for m in main.volume_mounts] == [
        ("argo-staging", "/argo/staging")
    ]


def test_arguments_go_from_the_run_over_the_workflow_over_the_template() -> None:
    echo = {
        "image": "b",
        "args": [
            "{{inputs.parameters.a}}{{inputs.parameters.b}}"
            "{{inputs.parameters.c}}{{workflow.parameters.a}}"
        ],
    }
    inputs = {
        "parameters": [
            {"name": "a", "value": "t"},
            {"name": "b", "value": "t"},
            {"name": "c", "default": "t"},
        ]
    }
    arguments = {"parameters": [{"name": "a", "value": "w"}, {"name": "b", "value": "w"}]}
    own = {"arguments": {"parameters": [{"name": "a", "value": 1.0}]}}
    planned = plan({"inputs": inputs, "container": echo}, run=own, arguments=arguments)
    assert planned.request.pod.spec.containers[0].args == ("1wt1",)
    values = [(p.name, p.value) for p in planned.node.inputs.parameters]
    assert values == [("a", "1"), ("b", "w"), ("c", "t")]


def test_workflow_tags_reach_every_string() -> None:
    template = {
        "metadata": {
            "labels": {"l": "{{workflow.labels.team}}"},
            "annotations": {"argoexec.io/executor": "on-{{workflow.namespace}}"},
        },
        "container": {
            "image": "b:{{ workflow.name }}",
            "env": [{"name": "UID", "value": "{{workflow.uid}}"}],
            "args": ["{{workflow.mainEntrypoint}}", "{{workflow.parameters}}"],
        },
    }
    planned = plan(template, arguments={"parameters": [{"name": "a", "value": "x"}]})
    (main,) = planned.request.pod.spec.containers
    assert (main.image, main.env[0].value) == ("b:wf", UID)
    assert main.args == ("t", '[{"name":"a","value":"x"}]')
    assert planned.executor == planned.node.executor == "on-ns"
    assert planned.request.pod.metadata.labels["l"] == "red"


def test_a_value_is_data_and_not_searched_for_inputs() -> None:
    inputs = {"parameters": [{"name": "a", "value": "{{workflow.name}} {{inputs.parameters.a}}"}]}
    template = {"inputs": inputs, "container": {"image": "b", "args": ["{{inputs.parameters.a}}"]}}
    (main,) = plan(template).request.pod.spec.containers
    assert main.args == ("wf {{inputs.parameters.a}}",)


def test_the_templates_executor_wins_over_the_runs() -> None:
    assert plan(CONTAINER, run={"executor": "run"}).executor == "run"
    metadata = {"metadata": {"annotations": {"argoexec.io/executor": "template"}}}
    assert plan(CONTAINER | metadata, run={"executor": "run"}).executor == "template"
    assert plan(CONTAINER).executor == ""


@pytest.mark.parametrize(
    ("own", "whole", "expected"),
    [
        (None, None, None),
        (30, None, 30),
        (None, 20, 20),
        ("30", 20, 20),
        ("{{workflow.parameters.s}}", 20, 5),
    ],
)
def test_the_shorter_deadline_counts(
    own: int | str | None, whole: int | None, expected: int | None
) -> None:
    template = CONTAINER | ({"activeDeadlineSeconds": own} if own is not None else {})
    spec: dict[str, Any] = {"arguments": {"parameters": [{"name": "s", "value": 5}]}}
    if whole is not None:
        spec["activeDeadlineSeconds"] = whole
    assert plan(template, **spec).request.pod.spec.active_deadline_seconds == expected


def test_volumes_and_init_containers_are_the_workflows_and_the_templates() -> None:
    template = CONTAINER | {
        "volumes": [{"name": "b", "emptyDir": {}}],
        "initContainers": [{"name": "prepare", "image": "b"}],
    }
    spec = plan(template, volumes=[{"name": "a", "emptyDir": {}}]).request.pod.spec
    assert [volume.name for volume in spec.volumes] == ["a", "b"]
    assert [container.name for container in spec.init_containers] == ["prepare"]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({}, r"templates\[0\]: a template needs one of: container, script"),
        (CONTAINER | {"script": {"image": "b", "source": ""}}, "a template needs one of"),
        (CONTAINER | {"activeDeadlineSeconds": "x"}, "activeDeadlineSeconds: 'x' is not a whole"),
        (CONTAINER | {"activeDeadlineSeconds": -1}, "must be greater than 0"),
        (CONTAINER | {"activeDeadlineSeconds": 2**31}, "must be at most 2147483647"),
        ({"container": {"image": "{{=1}}"}}, "container.image: expressions are not supported"),
        (CONTAINER | {"inputs": {"parameters": [{"name": ""}]}}, "a parameter needs a name"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_path(template: dict[str, Any], problem: str) -> None:
    with pytest.raises(FieldError, match=problem):
        plan(template)


def test_two_templates_of_one_name_are_refused() -> None:
    templates = [{"name": "t", **CONTAINER}, {"name": "t", **CONTAINER}]
    with pytest.raises(FieldError, match=r"templates\[1\]\.name: 't' appears twice"):
        plan({}, templates=templates)
    with pytest.raises(FieldError, match=r"templates\[0\]\.name: a template needs a name"):
        plan({}, templates=[{"name": "", **CONTAINER}])


def test_a_plan_survives_the_wire() -> None:
    request = plan(CONTAINER).request
    assert msgspec.json.decode(msgspec.json.encode(request), type=type(request)) == request
