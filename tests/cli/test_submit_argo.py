"""`argoexec submit --to argo`, and the verbs that work on what it made."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import yaml

from argoexec_cli.kube.resources import WORKFLOWS
from tests.argo.register.installs import install
from tests.cli.conftest import POD, Cli
from tests.kube.cluster import FakeCluster

ECHO = (Path(__file__).parents[2] / "examples" / "echo.yaml").read_text()
WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: you}]}
  templates:
  - {name: main, container: {image: busybox, command: [echo, "{{workflow.parameters.who}}"]}}
"""


def test_a_dry_run_shows_what_would_be_created(alone: Cli) -> None:
    flags = ("submit", "--to", "argo", "-", "-o", "yaml", "--dry-run", "-p", "who=me")
    outcome = alone(*flags, "--executor", "lab", stdin=WORKFLOW)
    assert outcome.code == 0, outcome.err
    spec = yaml.safe_load(outcome.out)["spec"]
    assert spec["arguments"] == {"parameters": [{"name": "who", "value": "me"}]}
    (template,) = spec["templates"]
    assert template["plugin"]["argoexec"]["executor"] == "lab"
    assert "container" not in template


def test_it_is_created_with_the_controllers_instance(
    alone: Cli, cluster: FakeCluster, kubeconfig: Path
) -> None:
    install(cluster, {"instanceID": "blue"})
    where = {"KUBECONFIG": str(kubeconfig)}
    outcome = alone("submit", "--to", "argo", "-", "-n", "work", stdin=WORKFLOW, **where)
    assert (outcome.code, outcome.out) == (0, "hello\n"), outcome.err
    made = cluster.object(WORKFLOWS, "hello", "work")
    assert made["metadata"]["labels"] == {"workflows.argoproj.io/controller-instanceid": "blue"}
    again = alone("submit", "--to", "argo", "-", "-n", "work", stdin=WORKFLOW, **where)
    assert again.code == 2
    assert "already exists" in again.err


@pytest.mark.parametrize(
    ("phase", "shutdown", "code"), [("Succeeded", "", 0), ("Failed", "", 1), ("Failed", "Stop", 8)]
)
def test_waiting_ends_with_the_workflow(
    alone: Cli, cluster: FakeCluster, kubeconfig: Path, phase: str, shutdown: str, code: int
) -> None:
    def end() -> None:
        while not (found := cluster.store.all(WORKFLOWS)):
            time.sleep(0.01)
        spec = found[0]["spec"] | ({"shutdown": shutdown} if shutdown else {})
        cluster.add(WORKFLOWS, found[0] | {"spec": spec, "status": {"phase": phase}})

    controller = threading.Thread(target=end)
    controller.start()
    flags = ("submit", "--to", "argo", "-", "--wait", "--kubeconfig", str(kubeconfig))
    outcome = alone(*flags, stdin=WORKFLOW)
    controller.join()
    assert (outcome.code, outcome.out) == (code, f"hello\nworkflow/hello {phase}\n"), outcome.err


def test_get_wait_and_stop(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    flags = ("--kubeconfig", str(kubeconfig))
    meta = {"name": "w", "namespace": "default"}
    node = {"displayName": "main", "type": "Plugin", "phase": "Running", "message": "host-1"}
    status = {"phase": "Running", "nodes": {"w": node}}
    cluster.add(WORKFLOWS, {"metadata": meta, "spec": {}, "status": status})
    text = alone("get", "w", *flags).out
    assert "Status:     Running" in text
    assert "host-1" in text
    assert alone("stop", "w", *flags).out == "workflow/w stopping\n"
    assert cluster.object(WORKFLOWS, "w", "default")["spec"] == {"shutdown": "Stop"}
    assert alone("get", "none", *flags).code == 3
    assert alone("wait", "w", "--timeout", "0.2s", *flags).code == 4


def test_logs_are_those_of_the_tasks_that_came_here(cli: Cli) -> None:
    pod = POD.format(name="task-of-w", script="echo from a task")
    label = "labels: {workflows.argoproj.io/workflow: of-argo, app"
    assert cli("submit", "-", "--wait", stdin=pod.replace("labels: {app", label)).code == 0
    assert cli("logs", "of-argo", "--argo").out == "from a task\n"
    outcome = cli("logs", "other", "--argo")
    assert outcome.code == 3
    assert "hint: argoexec get other --cluster" in outcome.err
    assert cli("delete", "task-of-w").code == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--to", "argo", "--log"], "are not for --to argo"),
        (["--cluster"], "a cluster is for --to argo"),
    ],
)
def test_what_does_not_go_together(alone: Cli, flags: list[str], words: str) -> None:
    outcome = alone("submit", "-", *flags, stdin=ECHO)
    assert outcome.code == 2
    assert words in outcome.err


def test_only_workflows_go_to_argo(alone: Cli) -> None:
    outcome = alone("submit", "--to", "argo", "-", stdin=POD.format(name="p", script="true"))
    assert outcome.code == 2
    assert "stdin:2: only a Workflow can be submitted to Argo" in outcome.err
