"""`argoexec exec` on the fake runtime: words, streams, exit codes, refusals."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.conftest import Cli

TWO = """\
apiVersion: v1
kind: Pod
metadata: {name: two-exec}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: first, image: busybox, command: [sleep, "600"]}
  - {name: second, image: busybox, command: [sleep, "600"]}
"""
RUN = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: run-exec}
spec:
  entrypoint: a
  templates:
  - {name: a, container: {image: busybox, command: [sleep, "600"]}}
"""


@pytest.fixture
def web(cli: Cli) -> str:
    """Give the name of a pod that runs."""
    cli.pod("web-exec", "sleep 600")
    assert cli("wait", "web-exec", "--for", "running").code == 0
    return "web-exec"


def test_streams_and_the_exit_code_are_the_commands(cli: Cli, web: str) -> None:
    outcome = cli("exec", web, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert outcome == (7, "out\n", "err\n")
    assert cli("exec", web, "echo", "without dashes").out == "without dashes\n"
    assert cli("exec", web, "--", "nope").code == 127


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["exec", "web", "ls", "-l"], "exec web -- ls -l"),
        (["exec", "-c", "main", "web", "grep", "-c", "a b"], "exec -c main web -- grep -c 'a b'"),
        (["exec", "web", "-it", "rm", "-i", "x"], "exec web -it -- rm -i x"),
        (["--quiet", "exec", "web", "ls", "--help"], "exec web -- ls --help"),
    ],
)
def test_options_of_the_command_need_dashes(alone: Cli, words: list[str], hint: str) -> None:
    assert alone(*words) == (
        2,
        "",
        "error: exec: '--' has to stand before a command that has options of its own\n"
        f"hint: argoexec {hint}\n",
    )


@pytest.mark.parametrize("flags", [["-i"], ["--stdin"], ["-it"]])
def test_input_is_passed_on_to_its_end(cli: Cli, web: str, flags: list[str]) -> None:
    child = cli.start(
        "exec",
        *flags,
        web,
        "--",
        "cat",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    data = b"x" * 1_000_000 + b"\nlast"
    out, err = child.communicate(data, timeout=60)
    assert (child.returncode, out) == (0, data)
    assert (b"is no terminal" in err) is (flags == ["-it"])


def test_without_i_no_input_is_read(cli: Cli, web: str) -> None:
    child = cli.start("exec", web, "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, out) == (0, b"")


def test_the_pod_of_a_run_and_the_first_of_several_containers(cli: Cli) -> None:
    assert cli("submit", "-", "--executor", "local", stdin=RUN).code == 0
    assert cli("wait", "run-exec", "--for", "running").code == 0
    assert cli("exec", "run-exec", "--", "echo", "hi").out == "hi\n"
    assert cli("submit", "-", stdin=TWO).code == 0
    assert cli("wait", "two-exec", "--for", "running").code == 0
    outcome = cli("exec", "two-exec", "--", "echo", "hi")
    assert outcome == (0, "hi\n", "using container first out of: first, second\n")
    assert cli("exec", "two-exec", "-c", "second", "--", "echo", "hi").err == ""
    outcome = cli("exec", "two-exec", "-c", "third", "--", "true")
    assert (outcome.code, outcome.err.splitlines()[1]) == (3, "hint: it has: first, second")


def test_what_does_not_run_is_refused(cli: Cli) -> None:
    assert cli("exec", "nobody-exec", "--", "true").code == 3
    cli.pod("ended-exec", "exit 0", "--wait")
    outcome = cli("exec", "ended-exec", "--", "true")
    assert (outcome.code, outcome.out) == (2, "")
    assert "pod default/ended-exec has ended" in outcome.err
    cli("submit", "-", "--executor", "local", "--name", "stopped-exec", stdin=RUN)
    cli("stop", "stopped-exec")
    cli("wait", "stopped-exec")
    assert "no pod of workflowrun/stopped-exec runs" in cli("exec", "stopped-exec", "true").err


def test_a_command_is_needed(cli: Cli, web: str) -> None:
    assert cli("exec", web).code == 2


def test_ctrl_c_ends_it(cli: Cli, web: str) -> None:
    child = cli.start("exec", web, "--", "sh", "-c", "echo on; sleep 600", stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    child.send_signal(2)
    child.communicate(timeout=40)
    assert child.returncode == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "exactly one of the two must be in a container"),
        (["a:/b", "c:/d"], "exactly one of the two must be in a container"),
        (["a:/b", "-"], "- is no path: cp copies files, not streams"),
        (["-", "a:/b"], "- is no path: cp copies files, not streams"),
        (["a:", "b"], "a path in a container is written NAME:/path"),
        (["/none/such", "web-exec:/x"], "/none/such does not exist"),
        (["./with:colon", "web-exec:/x"], "with:colon does not exist"),
        (["web-exec:/x", "/none/such/dir"], "/none/such is no directory"),
    ],
)
def test_places_that_cannot_be_copied(cli: Cli, web: str, words: list[str], message: str) -> None:
    outcome = cli("cp", *words)
    assert outcome.code in (2, 3)
    assert message in outcome.err
