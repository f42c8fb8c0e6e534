"""`argoexec logs` against a real daemon."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import POD, Cli

ECHO = (Path(__file__).parents[2] / "examples" / "echo.yaml").read_text()
TWO = """\
apiVersion: v1
kind: Pod
metadata: {name: with-init}
spec:
  initContainers:
  - {name: first, image: busybox, command: [echo, prepared]}
  containers:
  - {name: main, image: busybox, command: [echo, worked]}
"""


@pytest.fixture(scope="module", autouse=True)
def _some_logs(home: Path, daemon: str) -> None:
    """Have a pod with five lines, a run, and a pod with two containers."""
    cli = Cli(home, daemon)
    cli.pod("lines", "echo 1; echo 2; echo 3 >&2; echo 4; echo 5", "--wait")
    flags = ("--name", "talk", "--executor", "local", "--wait")
    cli("submit", "-", *flags, stdin=ECHO)
    cli("submit", "-", "--wait", stdin=TWO)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], "1\n2\n3\n4\n5\n"),
        (["--tail", "2"], "4\n5\n"),
        (["--tail", "0"], ""),
        (["--tail", "-1"], "1\n2\n3\n4\n5\n"),
        (["--limit-bytes", "3"], "1\n2"),
        (["--grep", "[24]"], "2\n4\n"),
        (["--prefix", "--tail", "1"], "[pod/lines/main] 5\n"),
        (["--since", "1h", "-f"], "1\n2\n3\n4\n5\n"),
        (["--since-time", "2099-01-01T00:00:00Z"], ""),
    ],
)
def test_flags_mean_what_they_mean_to_kubectl(flags: list[str], text: str, cli: Cli) -> None:
    assert cli("logs", "lines", *flags) == (0, text, "")


def test_timestamps_are_rfc_3339_with_nanoseconds(cli: Cli) -> None:
    out = cli("logs", "lines", "--timestamps").out
    assert len(out.splitlines()) == 5
    for line in out.splitlines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d", line)


@pytest.mark.parametrize("flags", [[], ["-f"]])
def test_the_log_of_a_run_is_that_of_its_pods(flags: list[str], cli: Cli) -> None:
    assert cli("logs", "talk", *flags) == (0, "hello\n", "")


def test_containers_can_be_chosen(cli: Cli) -> None:
    assert cli("logs", "with-init").out == "worked\n"
    assert cli("logs", "with-init", "-c", "first").out == "prepared\n"
    assert cli("logs", "with-init", "--all-containers").out == "prepared\nworked\n"
    every = cli("logs", "with-init", "--all-containers", "--prefix", "-f").out
    assert sorted(every.splitlines()) == [
        "[pod/with-init/first] prepared",
        "[pod/with-init/main] worked",
    ]


def test_following_sees_lines_as_they_come_and_ends_with_the_pod(cli: Cli) -> None:
    cli.pod("slowly", "echo begin; sleep 600; echo end")
    child = cli.start("logs", "-f", "slowly", stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"begin\n", "the pod goes on"
    assert cli("stop", "slowly", "--grace", "0").code == 0
    assert child.stdout.read() == b""
    child.stdout.close()
    assert child.wait(timeout=60) == 0


def test_ctrl_c_detaches_and_says_how_to_stop_the_pod(cli: Cli) -> None:
    cli.pod("goes-on", "echo begin; sleep 600")
    child = cli.start("logs", "-f", "goes-on", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"begin\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.decode().splitlines() == [
        "",
        "detached: goes-on runs on",
        "  come back:  argoexec logs -f goes-on",
        "  stop it:    argoexec stop goes-on",
    ]
    assert cli("list", "-l", "app=goes-on", "--running", "-o", "name").out == "pod/goes-on\n"


def test_a_killed_client_stops_nothing(cli: Cli) -> None:
    cli.pod("unharmed", "echo begin; sleep 600")
    child = cli.start("logs", "-f", "unharmed", stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"begin\n"
    child.kill()
    child.wait(timeout=60)
    child.stdout.close()
    assert cli("list", "-l", "app=unharmed", "--running", "-o", "name").out == "pod/unharmed\n"


def test_a_reader_that_has_enough_ends_the_command_in_silence(cli: Cli) -> None:
    cli.pod("much", "fill 100000 100", "--wait")
    child = cli.start("logs", "much", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert len(child.stdout.read(100)) == 100
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == b""
    assert child.wait(timeout=60) == 141
    child.stderr.close()


def test_every_byte_of_a_large_log_arrives(cli: Cli) -> None:
    cli.pod("large", "fill 100000 100", "--wait")
    child = cli.start("logs", "large", stdout=subprocess.PIPE)
    out, _ = child.communicate(timeout=60)
    assert len(out) == 100_000 * 100
    assert out.count(b"\n") == 100_000


def test_binary_and_unfinished_lines_stay_as_they_are(cli: Cli) -> None:
    manifest = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: binary}\nspec:\n  containers:\n"
        "  - {name: main, image: busybox, command: [printf, 'a\\r\\0\\xff\\n\\x01z']}\n"
    )
    cli("submit", "-", "--wait", stdin=manifest)
    child = cli.start("logs", "binary", stdout=subprocess.PIPE)
    out, _ = child.communicate(timeout=60)
    assert out == b"a\r\0\xff\n\x01z"


@pytest.mark.parametrize("flags", [[], ["-f"], ["--all-containers"]])
@pytest.mark.parametrize(
    ("name", "image", "command", "why"),
    [
        ("no-image", "missing", "true", "ErrImagePull: "),
        ("bad-image", "Busy", "true", "InvalidImageName: "),
        ("no-start", "busybox", "frobnicate", "StartError: "),
    ],
)
def test_a_pod_that_never_started_has_no_log(
    name: str, image: str, command: str, why: str, flags: list[str], cli: Cli
) -> None:
    manifest = POD.format(name=name, script="true").replace("image: busybox", f"image: {image}")
    manifest = manifest.replace('[sh, -c, "true"]', f"['{command}']")
    cli("delete", name)
    cli("submit", "-", *([] if flags == ["-f"] else ["--wait"]), stdin=manifest)
    outcome = cli("logs", name, *flags)
    assert (outcome.code, outcome.out) == (1, "")
    first, hint = outcome.err.splitlines()
    assert first.startswith(f"error: pod/{name} has no log, as it never started: {why}")
    assert hint == f"hint: argoexec get pod/{name}"


def test_an_init_container_that_failed_has_the_cause_in_its_log(cli: Cli) -> None:
    init = TWO.replace("with-init", "broken-init").replace("[echo, prepared]", "[sh, -c, 'exit 5']")
    cli("submit", "-", "--wait", stdin=init)
    outcome = cli("logs", "broken-init")
    assert outcome.code == 1
    assert outcome.err.splitlines()[1] == "hint: argoexec logs pod/broken-init -c first"
    assert cli("logs", "pod/broken-init", "-c", "first").code == 0


def test_a_run_whose_pod_never_started_has_no_log(cli: Cli) -> None:
    manifest = ECHO.replace("[echo, ", "[frobnicate, ")
    cli("submit", "-", "--name", "mute-run", "--executor", "local", "--wait", stdin=manifest)
    outcome = cli("logs", "mute-run")
    assert (outcome.code, outcome.out) == (1, "")
    assert "never started: StartError" in outcome.err


@pytest.mark.parametrize("flags", [[], ["-f"]])
def test_a_pod_that_printed_nothing_is_silent(flags: list[str], cli: Cli) -> None:
    cli.pod(f"silent{''.join(flags)}", "true", "--wait")
    assert cli("logs", f"silent{''.join(flags)}", *flags) == (0, "", "")


def test_a_pod_that_has_not_started_says_so(cli: Cli) -> None:
    init = "spec:\n  initContainers:\n  - {name: first, image: busybox, command: [sleep, '600']}\n"
    cli("submit", "-", stdin=POD.format(name="not-yet", script="true").replace("spec:\n", init))
    outcome = cli("logs", "not-yet")
    assert (outcome.code, outcome.out) == (0, "")
    told = r"pod/not-yet has not started yet: (Pending|PodInitializing)\n"
    assert re.fullmatch(told + r"hint: argoexec logs -f pod/not-yet\n", outcome.err)
