"""Looking at runs and pods: list, get, events, version."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import POD, Cli
from tests.cli.terminals import Terminal

ECHO = (Path(__file__).parents[2] / "examples" / "echo.yaml").read_text()
NS = ("-n", "look")


@pytest.fixture(scope="module", autouse=True)
def _some_work(home: Path, daemon: str) -> None:
    """Have a run, a pod that succeeded, one that failed and one that runs."""
    cli = Cli(home, daemon)
    flags = ("--name", "greet", "--executor", "local", "--wait", *NS)
    cli("submit", "-", *flags, stdin=ECHO)
    cli.pod("good", "echo fine", "--wait", *NS)
    cli.pod("bad", "exit 7", "--wait", *NS)
    cli.pod("busy", "sleep 600", *NS)
    cli("wait", "busy", "--for", "running", "--timeout", "40s", *NS)


def test_a_list_is_an_aligned_table(cli: Cli) -> None:
    code, out, err = cli("list", *NS)
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["KIND", "NAME", "STATUS", "AGE", "DURATION", "MESSAGE"]
    cells = [row.split()[:3] for row in rows]
    assert cells == [
        ["run", "greet", "Succeeded"],
        ["pod", "good", "Succeeded"],
        ["pod", "bad", "Failed"],
        ["pod", "busy", "Running"],
    ]
    assert "exit code 7" in rows[2]
    assert "\x1b" not in out


def test_on_a_narrow_terminal_a_message_is_cut_and_no_line_wraps(cli: Cli) -> None:
    pod = POD.format(name="wordy", script="").replace("[sh, -c,", "[/a/program/that/is/nowhere,")
    cli("submit", "-", "--wait", "-n", "narrow", stdin=pod)
    whole = cli("list", "-n", "narrow").out.splitlines()[1]
    terminal = Terminal(cli, "list", "-n", "narrow", columns=len(whole) - 8)
    try:
        terminal.until("…\r\n")
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--pods"], ["greet", "greet", "good", "bad", "busy"]),
        (["--running"], ["busy"]),
        (["--completed"], ["greet", "good", "bad"]),
        (["--status", "failed"], ["bad"]),
        (["--phase", "Running,Failed"], ["bad", "busy"]),
        (["-l", "app in (good,busy)"], ["good", "busy"]),
    ],
)
def test_a_list_can_be_narrowed(flags: list[str], names: list[str], cli: Cli) -> None:
    out = cli("list", "-o", "name", *flags, *NS).out
    assert [line.partition("/")[2] for line in out.splitlines()] == names


def test_a_wide_list_says_where_and_what(cli: Cli) -> None:
    head, *rows = cli("list", "-o", "wide", *NS).out.splitlines()
    assert {"EXECUTOR", "IMAGE", "UID"} <= set(head.split())
    assert "local" in rows[0]
    assert "busybox" in rows[1]


def test_all_namespaces_have_a_column(cli: Cli) -> None:
    head, *rows = cli("list", "-A").out.splitlines()
    assert head.split()[0] == "NAMESPACE"
    assert any(row.split()[:3] == ["look", "run", "greet"] for row in rows)


def test_headings_can_be_left_out(cli: Cli) -> None:
    assert cli("list", "--no-headers", *NS).out.startswith("run ")


def test_an_empty_list_says_so_where_data_does_not_go(cli: Cli) -> None:
    assert cli("list", "-n", "void") == (0, "", "nothing found in namespace void\n")
    assert json.loads(cli("list", "-n", "void", "-o", "json").out)["items"] == []


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_many_are_a_list_and_one_is_itself(form: str, cli: Cli) -> None:
    many = yaml.safe_load(cli("list", "-o", form, *NS).out)
    assert many["kind"] == "List"
    assert [item["kind"] for item in many["items"]] == ["WorkflowRun", "Pod", "Pod", "Pod"]
    one = yaml.safe_load(cli("get", "good", "-o", form, *NS).out)
    assert (one["apiVersion"], one["kind"]) == ("v1", "Pod")
    assert one["status"]["phase"] == "Succeeded"


def test_a_list_that_was_printed_can_be_submitted(cli: Cli) -> None:
    before = cli("list", "-o", "yaml", *NS).out
    again = cli("submit", "-", "-n", "again", stdin=before)
    assert (again.code, again.out.split()) == (0, ["greet", "good", "bad", "busy"])
    assert cli("wait", "greet", "good", "-n", "again").code == 0
    assert cli("delete", "--all", "-n", "again", "--yes").code == 0


def test_get_json_is_the_run_with_nodes_as_in_argo(cli: Cli) -> None:
    run = json.loads(cli("get", "greet", "-o", "json", *NS).out)
    assert (run["apiVersion"], run["kind"]) == ("argoexec.io/v1alpha1", "WorkflowRun")
    assert run["status"]["phase"] == "Succeeded"
    node = run["status"]["nodes"]["greet"]
    assert node["id"] == "greet"
    assert node["type"] == "Pod"
    assert node["phase"] == "Succeeded"
    assert node["outputs"] == {"result": "hello", "exitCode": "0"}


def test_get_shows_the_run_its_steps_and_its_events(cli: Cli) -> None:
    out = cli("get", "greet", *NS).out
    facts = dict(line.split(":", 1) for line in out.split("\n\n")[0].splitlines())
    assert facts["Status"].strip() == "Succeeded"
    assert facts["Executor"].strip() == "local"
    assert facts["Parameter message"].strip() == "hello"
    assert facts["Result"].strip() == "hello"
    assert "✔ greet" in out
    assert out.index("Events:") > out.index("STEP")
    assert "Started" in out


def test_a_parameter_of_many_lines_is_cut_and_harmless(cli: Cli) -> None:
    value = "first\x1b[2J\nName: another"
    flags = ("--executor", "local", "--wait", "-p", f"message={value}")
    cli("submit", "-", "--name", "many-lines", *flags, stdin=ECHO)
    out = cli("get", "many-lines").out
    assert re.search(r"^Parameter message: +first\\x1b\[2J …$", out, re.MULTILINE)
    assert "another" not in out.split("STEP")[0]


def test_get_shows_a_pods_containers(cli: Cli) -> None:
    out = cli("get", "bad", *NS).out
    assert "CONTAINER" in out
    row = next(line for line in out.splitlines() if line.startswith("main "))
    assert row.split()[:3] == ["main", "Error", "7"]


def test_a_kind_in_front_of_the_name_chooses(cli: Cli) -> None:
    assert "Kind:" in cli("get", "greet", *NS).out
    assert json.loads(cli("get", "pod/greet", "-o", "json", *NS).out)["kind"] == "Pod"
    assert json.loads(cli("get", "run/greet", "-o", "json", *NS).out)["kind"] == "WorkflowRun"


def test_latest_is_the_newest_but_no_pod_of_a_run(cli: Cli) -> None:
    assert cli("get", "@latest", "-o", "name", *NS).out == "pod/busy\n"
    cli("submit", "-", "--name", "newer", "--executor", "local", "-n", "l", "--wait", stdin=ECHO)
    assert cli("get", "@latest", "-o", "name", "-n", "l").out == "workflowrun/newer\n"


def test_the_latest_is_shown_with_its_events(cli: Cli) -> None:
    assert "Scheduled" in cli("get", "@latest", *NS).out


def test_events_are_of_the_pods_of_a_run(cli: Cli) -> None:
    head, *rows = cli("events", "greet", *NS).out.splitlines()
    assert head.split() == ["AGE", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert [row.split()[2] for row in rows][:2] == ["Scheduled", "Pulled"]
    assert {row.split()[3] for row in rows} == {"pod/greet"}


def test_events_of_everything(cli: Cli) -> None:
    out = cli("events", "--no-headers", *NS).out
    assert {line.split()[3] for line in out.splitlines()} == {
        f"pod/{name}" for name in ("greet", "good", "bad", "busy")
    }


def test_events_as_documents(cli: Cli) -> None:
    events = json.loads(cli("events", "bad", "-o", "json", *NS).out)
    assert events[0]["pod"] == "bad"
    assert events[0]["reason"] == "Scheduled"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_version_says_what_this_is_not(form: str, alone: Cli) -> None:
    assert "not the argoexec of Argo's own executor image" in alone("version").err
    assert yaml.safe_load(alone("version", "-o", form).out)["name"] == "argoexec"
