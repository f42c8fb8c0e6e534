"""`argoexec submit --to argo`, and the verbs that work on what it made."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from argoexec_cli.kube.resources import WORKFLOWS
from tests.argo.register.installs import install
from tests.cli.conftest import ARGOEXEC, POD, Cli
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


def test_watching_shows_each_step_once(alone: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    def run() -> None:
        while not (found := cluster.store.all(WORKFLOWS)):
            time.sleep(0.01)
        message = "exit code 3: \x1b[2Jbye"
        for phase, said in (("Running", ""), ("Running", ""), ("Failed", message)):
            node = {"displayName": "main", "type": "Plugin", "phase": phase, "message": said}
            ended = "Failed" if phase == "Failed" else "Running"
            cluster.add(WORKFLOWS, found[0] | {"status": {"phase": ended, "nodes": {"n": node}}})
            time.sleep(0.3)

    controller = threading.Thread(target=run)
    controller.start()
    flags = ("submit", "--to", "argo", "-", "--watch", "--kubeconfig", str(kubeconfig))
    outcome = alone(*flags, stdin=WORKFLOW)
    controller.join()
    assert outcome.code == 1, outcome.err
    lines = outcome.out.splitlines()
    assert [lines[0], *lines[-2:]] == [
        "hello",
        r"step main Failed exit code 3: \x1b[2Jbye",
        r"workflow/hello Failed: exit code 3: \x1b[2Jbye",
    ]
    assert len(lines) == len(set(lines))


def test_logs_are_followed_to_the_end_of_the_workflow(
    cli: Cli, cluster: FakeCluster, kubeconfig: Path
) -> None:
    """The task comes here after the workflow was created, and ends before it."""

    def run() -> None:
        while not (found := cluster.store.all(WORKFLOWS)):
            time.sleep(0.01)
        meta = found[0]["metadata"]
        for name, uid in (("of-hello", meta["uid"]), ("of-another", "u")):
            pod = yaml.safe_load(POD.format(name=name, script=f"echo log {name}"))
            pod["metadata"]["labels"] = {"workflows.argoproj.io/workflow": "hello"}
            pod["metadata"]["annotations"] = {"argoexec.io/workflow-uid": uid}
            submit = [*ARGOEXEC, "submit", "-", "--wait"]
            environment = cli.environment | {"PATH": "/usr/bin:/bin"}
            text = yaml.safe_dump(pod)
            done = subprocess.run(
                submit, env=environment, input=text, text=True, capture_output=True, check=False
            )
            submitted.append(done.returncode)
        cluster.add(WORKFLOWS, found[0] | {"status": {"phase": "Succeeded"}})

    submitted: list[int] = []
    controller = threading.Thread(target=run)
    controller.start()
    flags = ("submit", "--to", "argo", "-", "--log", "--kubeconfig", str(kubeconfig))
    outcome = cli(*flags, stdin=WORKFLOW)
    controller.join()
    assert submitted == [0, 0]
    assert (outcome.code, outcome.out) == (0, "[pod/of-hello/main] log of-hello\n"), outcome.err
    assert "workflow/hello Succeeded" in outcome.err
    assert cli("delete", "of-hello", "of-another").code == 0


def test_where_no_task_came_that_is_said(cli: Cli, cluster: FakeCluster, kubeconfig: Path) -> None:
    def end() -> None:
        while not (found := cluster.store.all(WORKFLOWS)):
            time.sleep(0.01)
        cluster.add(WORKFLOWS, found[0] | {"status": {"phase": "Failed"}})

    controller = threading.Thread(target=end)
    controller.start()
    flags = ("submit", "--to", "argo", "-", "--log", "--kubeconfig", str(kubeconfig))
    outcome = cli(*flags, stdin=WORKFLOW)
    controller.join()
    assert (outcome.code, outcome.out) == (1, "")
    assert "no task of it came to this server" in outcome.err
    assert "hint: argoexec get hello --cluster" in outcome.err


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
    assert "stdin:2: only a Workflow can be submitted to Argo\n" in outcome.err
    template = WORKFLOW.replace("kind: Workflow", "kind: CronWorkflow")
    outcome = alone("submit", "--to", "argo", "-", stdin=template)
    assert outcome.code == 2
    assert "and this is a CronWorkflow\nhint: its spec.workflowSpec in a Workflow" in outcome.err


@pytest.mark.parametrize("waiting", [True, False])
def test_ctrl_c_detaches_and_says_how_to_stop_the_workflow(
    alone: Cli, cluster: FakeCluster, kubeconfig: Path, tmp_path: Path, waiting: bool
) -> None:
    path = tmp_path / "workflow.yaml"
    path.write_text(WORKFLOW)
    here = ("--kubeconfig", str(kubeconfig))
    words = ["submit", "--to", "argo", str(path), "--wait", *here]
    if waiting:
        assert alone("submit", "--to", "argo", str(path), *here).code == 0
        words = ["wait", "hello", *here]
    child = alone.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 50
    while not cluster.calls("watch", "workflows"):
        assert time.monotonic() < until and child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.decode().splitlines()[-3:] == [
        "detached: hello runs on",
        "  come back:  argoexec wait --cluster hello -n default",
        "  stop it:    argoexec stop --cluster hello -n default",
    ]


def test_ctrl_c_while_a_workflows_logs_are_followed_names_the_workflow(cli: Cli) -> None:
    pod = yaml.safe_load(POD.format(name="of-quiet", script="echo begin; sleep 600"))
    pod["metadata"]["labels"] = {"workflows.argoproj.io/workflow": "quiet"}
    assert cli("submit", "-", stdin=yaml.safe_dump(pod)).code == 0
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = cli.start("logs", "--argo", "-f", "quiet", **pipes)
    assert child.stdout is not None
    assert child.stdout.readline() == b"begin\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert b"  come back:  argoexec logs -f --argo quiet\n" in err
    assert b"  stop it:    argoexec stop --cluster quiet\n" in err
    assert cli("stop", "of-quiet", "--grace", "0").code == 0
    assert cli("delete", "of-quiet").code == 0
