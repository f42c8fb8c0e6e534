"""Submitting and what comes after it, against a real daemon over the fake runtime."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import yaml

from argoexec_cli.cli.commands import delete
from tests.cli.conftest import POD, Cli

ECHO = (Path(__file__).parents[2] / "examples" / "echo.yaml").read_text()
LONGER = "terminationGracePeriodSeconds: 5"


def echo(cli: Cli, name: str, *flags: str) -> tuple[int, str, str]:
    """Submit the echo workflow to the daemon's own executor."""
    return cli("submit", "-", "--name", name, "--executor", "local", *flags, stdin=ECHO)


def test_submit_prints_the_name_and_nothing_else(cli: Cli) -> None:
    assert echo(cli, "plain") == (0, "plain\n", "")


def test_submit_log_prints_the_log_and_nothing_else_on_stdout(cli: Cli) -> None:
    code, out, err = echo(cli, "logged", "--log", "-p", "message=good morning")
    assert (code, out) == (0, "good morning\n")
    assert err == "logged\n"


def test_submit_quietly_says_nothing(cli: Cli) -> None:
    assert echo(cli, "quiet", "--log", "-q") == (0, "hello\n", "")


def test_submitting_the_same_again_attaches_to_what_is_there(cli: Cli) -> None:
    assert echo(cli, "again", "--log")[:2] == (0, "hello\n")
    assert echo(cli, "again", "--log")[:2] == (0, "hello\n")


def test_another_spec_under_the_same_name_is_refused(cli: Cli) -> None:
    assert cli.pod("taken", "true").code == 0
    outcome = cli.pod("taken", "false")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "taken" in outcome.err
    assert "hint: " in outcome.err


@pytest.mark.parametrize(
    ("script", "code", "word"),
    [("exit 3", 1, "Failed"), ("true", 0, "Succeeded"), ("hog", 1, "OOMKilled")],
)
def test_wait_tells_how_it_ended(script: str, code: int, word: str, cli: Cli) -> None:
    name = f"ends-{word.lower()}"
    outcome = cli.pod(name, script, "--wait")
    assert (outcome.code, outcome.out) == (code, f"{name}\n")
    assert outcome.err.startswith(f"pod/{name} {word}")
    assert cli("wait", name).code == code


def test_a_command_that_is_not_in_the_image_is_a_start_error(cli: Cli) -> None:
    manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: no-command}\nspec:\n  containers:\n"
    manifest += "  - {name: main, image: busybox, command: [frobnicate]}\n"
    outcome = cli("submit", "-", "--log", stdin=manifest)
    assert outcome.code == 1
    assert "StartError" in outcome.err
    assert "frobnicate" in outcome.err
    shown = cli("get", "no-command").out
    assert "128" in shown


def test_watch_in_a_pipe_prints_a_line_for_each_change(cli: Cli) -> None:
    outcome = cli.pod("watched", "sleep 0.2; exit 3", "--watch")
    lines = outcome.out.splitlines()
    assert outcome.code == 1
    assert lines[0] == "watched"
    assert lines[-1].startswith("pod/watched Failed")
    assert len(lines) == len(set(lines))


def test_stopping_is_told_apart_from_failing(cli: Cli) -> None:
    cli.pod("endless", "sleep 600")
    assert cli("wait", "endless", "--for", "running", "--timeout", "40s").code == 0
    assert cli("stop", "endless", "--grace", "1s").out == "pod/endless stopping\n"
    assert cli("wait", "endless").code == 8
    assert cli("stop", "endless").out == "pod/endless had ended\n"


def test_a_workflow_can_be_stopped(cli: Cli) -> None:
    manifest = ECHO.replace("[echo, ", "[sleep, ")
    flags = ("--name", "long-run", "--executor", "local", "-p", "message=600")
    cli("submit", "-", *flags, stdin=manifest)
    assert cli("wait", "long-run", "--for", "running", "--timeout", "40s").code == 0
    assert cli("stop", "long-run", "--grace", "1s").out == "workflowrun/long-run stopping\n"
    assert cli("wait", "long-run", "--timeout", "40s").code == 8


def test_waiting_has_a_limit(cli: Cli) -> None:
    cli.pod("slow", "sleep 600")
    assert cli("wait", "slow", "--for", "running", "--timeout", "40s").code == 0
    outcome = cli("wait", "slow", "--timeout", "100ms")
    assert outcome.code == 4
    assert outcome.err == (
        "error: slow: not done after 100ms\nhint: it runs on; argoexec wait slow\n"
    )
    # Nothing is one look, as in kubectl.
    assert cli("wait", "slow", "--timeout", "0").code == 4
    assert cli("wait", "slow", "--timeout", "0s", "--for", "running").code == 0
    assert cli("wait", "slow", "--timeout", "0", "--for", "deleted").code == 4
    cli("stop", "slow", "--grace", "0")
    cli("wait", "slow")
    assert cli("wait", "slow", "--timeout", "0").code == 8
    assert cli("delete", "slow").code == 0


def test_several_documents_are_submitted_together(cli: Cli) -> None:
    pods = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: many-{n}}}\nspec:\n  containers:\n"
        f"  - {{name: main, image: busybox, command: [sh, -c, 'echo {n}; exit {n}']}}\n"
        for n in range(3)
    )
    outcome = cli("submit", "-", "--log", stdin=pods)
    assert outcome.code == 1
    assert sorted(outcome.out.splitlines()) == [f"[pod/many-{n}/main] {n}" for n in range(3)]
    assert outcome.err.startswith("many-0\nmany-1\nmany-2\n")


def test_one_refused_document_does_not_keep_back_the_others(cli: Cli) -> None:
    cli.pod("mixed-0", "true")
    pods = "---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: mixed-{n}}}\nspec:\n  containers:\n"
        f"  - {{name: main, image: busybox, command: [echo, other]}}\n"
        for n in range(2)
    )
    outcome = cli("submit", "-", stdin=pods)
    assert outcome.code == 2
    assert outcome.out == "mixed-1\n"
    assert "mixed-0" in outcome.err


def test_a_dry_run_submits_nothing(cli: Cli) -> None:
    code, out, err = echo(cli, "dry", "--dry-run", "-o", "json")
    assert code == 0
    assert json.loads(out)["metadata"]["name"] == "dry"
    assert "nothing was submitted" in err
    assert cli("get", "dry").code == 3


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_submit_can_print_the_object(form: str, cli: Cli) -> None:
    _, out, _ = echo(cli, f"printed-{form}", "-o", form)
    data = yaml.safe_load(out)
    assert data["kind"] == "WorkflowRun"
    assert data["metadata"]["uid"]


def test_submit_can_print_the_name_as_kubectl(cli: Cli) -> None:
    assert echo(cli, "kubectls", "-o", "name")[1] == "workflowrun/kubectls\n"


def test_generated_names_differ(cli: Cli) -> None:
    flags = ("submit", "-", "--generate-name", "fresh-", "--executor", "local")
    names = {cli(*flags, stdin=ECHO).out for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("fresh-") for name in names)


def test_delete_forgets(cli: Cli) -> None:
    echo(cli, "gone", "--wait")
    assert cli("delete", "gone").out == "workflowrun/gone deleted\n"
    assert cli("get", "gone").code == 3
    assert cli("delete", "gone").code == 3
    assert cli("wait", "gone", "--for", "deleted").code == 0


def test_delete_many_asks_first(cli: Cli) -> None:
    flags = ("-n", "to-delete")
    cli.pod("one", "true", "--wait", *flags)
    cli.pod("two", "sleep 600", *flags)
    refused = cli("delete", "--all", *flags)
    assert refused.code == 2
    assert refused.err == (
        "error: this would delete 2 runs and pods\nhint: say --yes, or see --dry-run\n"
    )
    assert cli("delete", "--completed", "--dry-run", *flags).out == "pod/one would be deleted\n"
    assert cli("delete", "--older", "1h", "-y", *flags).out == ""
    assert cli("delete", "-l", "app=one", "-y", *flags).out == "pod/one deleted\n"
    assert cli("delete", "--all", "-y", *flags).out == "pod/two deleted\n"
    assert cli("list", *flags).out == ""


@pytest.mark.parametrize("flags", [[], ["x", "--all"]])
def test_delete_wants_names_or_a_choice(flags: list[str], cli: Cli) -> None:
    outcome = cli("delete", *flags)
    assert outcome.code == 2
    assert "name what to delete" in outcome.err


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a wait said long before the pods' grace is over, however busy the machine is."""
    monkeypatch.setattr(delete, "_SILENT_S", 0.2)


@pytest.mark.usefixtures("soon")
def test_pods_are_deleted_side_by_side_and_the_wait_is_said(cli: Cli) -> None:
    flags = ("-n", "stubborn")
    for name in ("first", "second", "third"):
        stubborn = POD.format(name=name, script="trap '' TERM; echo deaf; sleep 600")
        stubborn = stubborn.replace("terminationGracePeriodSeconds: 1", LONGER)
        cli("submit", "-", *flags, stdin=stubborn)
        assert cli("wait", name, "--for", "running", "--timeout", "40s", *flags).code == 0
    begun_s = time.monotonic()
    outcome = cli("delete", "first", "second", "third", *flags)
    assert 5 <= time.monotonic() - begun_s < 15, "one after the other takes three times five"
    assert outcome.code == 0
    assert sorted(outcome.out.splitlines()) == [
        "pod/first deleted",
        "pod/second deleted",
        "pod/third deleted",
    ]
    assert outcome.err == "waiting for the end of pod/first, pod/second, pod/third\n"


@pytest.mark.usefixtures("soon")
def test_of_a_crowd_that_is_deleted_only_some_are_named(cli: Cli) -> None:
    flags = ("-n", "crowd")
    names = [f"p{number}" for number in range(13)]
    script = "trap '' TERM; echo deaf; sleep 600"
    pods = "---\n".join(POD.format(name=name, script=script) for name in names)
    pods = pods.replace("terminationGracePeriodSeconds: 1", LONGER)
    assert cli("submit", "-", *flags, stdin=pods).code == 0
    assert cli("wait", *names, "--for", "running", "--timeout", "60s", *flags).code == 0
    outcome = cli("delete", *names, *flags)
    assert outcome.code == 0
    assert outcome.err.startswith("waiting for the end of pod/p")
    assert outcome.err.count("pod/") == 10
    assert outcome.err.endswith(", 3 more\n")


def test_a_pod_gets_the_objects_beside_it(cli: Cli) -> None:
    objects = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {greeting: hello}\n---\n"
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: hush}\n---\n"
    )
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {generateName: with-}\nspec:\n  containers:\n"
        "  - name: main\n    image: busybox\n    command: [echo, $(G), $(T)]\n    env:\n"
        "    - {name: G, valueFrom: {configMapKeyRef: {name: words, key: greeting}}}\n"
        "    - {name: T, valueFrom: {secretKeyRef: {name: keys, key: token}}}\n"
    )
    done = cli("submit", "-", "--log", stdin=objects + pod)
    assert (done.code, done.out) == (0, "hello hush\n")
    assert "nothing to run" in cli("submit", "-", stdin=objects).err


def test_what_this_host_can_never_run_is_told_at_once(cli: Cli) -> None:
    huge = POD.format(name="huge", script="true").replace(
        "busybox,", "busybox, resources: {requests: {memory: 1000Ti}},"
    )
    for flags in ((), ("--wait",)):
        done = cli("submit", "-", *flags, stdin=huge)
        assert (done.code, done.out) == (7, "huge\n")
        assert "pod/huge Unschedulable" in done.err
        assert "the pod asks for 1048576000 MiB of memory, this host has" in done.err
    assert "FailedScheduling" in cli("get", "huge").out
    assert cli("delete", "huge").code == 0
