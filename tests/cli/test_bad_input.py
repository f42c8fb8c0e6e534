"""Bad input: one line with the cause, one with the next step, the exit code, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Outcome

EXAMPLES = Path(__file__).parents[2] / "examples"


def check(outcome: Outcome, code: int, message: str) -> None:
    """The outcome is an error of one line with *message*, and one line of hint."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    first, *rest = outcome.err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert len(rest) == 1, outcome.err
    assert rest[0].startswith("hint: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "stdin:2:1: not YAML"),
        ("- a\n- b\n", "stdin:1: a manifest is a mapping"),
        ("apiVersion: v1\nkind: Service\n", "stdin:2: kind Service is not supported"),
        ("", "stdin:1: the file is empty"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n"
            "  - name: main\n    image: busybox\n    lifecycle: {}\n",
            "stdin:8: spec.containers[0].lifecycle is not supported",
        ),
    ],
)
def test_a_wrong_manifest_is_named_with_file_and_line(text: str, message: str, alone: Cli) -> None:
    check(alone("submit", "-", stdin=text), 2, message)


@pytest.mark.parametrize(
    ("name", "containers", "message"),
    [
        ("x", "[]", "stdin:4: spec.containers: a pod needs a container"),
        ("X_Y", "[{name: main, image: i}]", "stdin:3: metadata.name: 'X_Y' is not a valid name"),
    ],
)
def test_a_pod_that_no_executor_takes(name: str, containers: str, message: str, alone: Cli) -> None:
    head = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n"
    check(alone("submit", "-", stdin=f"{head}spec: {{containers: {containers}}}\n"), 2, message)


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("lifecycle: {}", "remove lifecycle"),
        ("command: echo", "write a list"),
        ("image: [a]", "write text"),
    ],
)
def test_the_hint_says_what_to_write(field: str, hint: str, alone: Cli) -> None:
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: main, "
    outcome = alone("submit", "-", stdin=f"{head}{field}}}]}}\n")
    check(outcome, 2, f"stdin:4: spec.containers[0].{field.partition(':')[0]}")
    assert outcome.err.splitlines()[1].startswith(f"hint: {hint}")


def test_a_manifest_that_is_too_large_is_refused_unread(alone: Cli) -> None:
    file = alone.home / "large.yaml"
    file.write_bytes(b"#" * 10_000_000)
    check(alone("submit", str(file)), 2, "10,000,000 bytes are too large")


def test_a_file_that_is_not_there_is_not_found(alone: Cli) -> None:
    check(alone("submit", "nowhere.yaml"), 3, "nowhere.yaml: there is no such file")


def test_a_parameter_that_the_workflow_does_not_have(alone: Cli) -> None:
    outcome = alone("submit", str(EXAMPLES / "echo.yaml"), "-p", "mesage=x")
    check(outcome, 2, "mesage")
    assert "message" in outcome.err.splitlines()[1]


@pytest.mark.parametrize("pair", ["message", "=x"])
def test_a_parameter_that_is_no_pair(pair: str, alone: Cli) -> None:
    outcome = alone("submit", str(EXAMPLES / "echo.yaml"), "-p", pair)
    check(outcome, 2, f"-p {pair}: not KEY=VALUE")


def test_one_name_for_two_manifests(alone: Cli) -> None:
    files = [str(EXAMPLES / "echo.yaml"), str(EXAMPLES / "pod.yaml")]
    check(alone("submit", *files, "--name", "x"), 2, "one name for 2 manifests")


def test_a_name_that_cannot_be(alone: Cli) -> None:
    check(alone("submit", str(EXAMPLES / "pod.yaml"), "--name", "No Good"), 2, "'No Good'")


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["get", "x"], ["logs", "x"], ["submit", str(EXAMPLES / "pod.yaml")], ["wait", "x"]],
)
def test_no_daemon_is_said_with_the_address_and_who_chose_it(
    arguments: list[str], alone: Cli
) -> None:
    outcome = alone(*arguments)
    check(outcome, 5, f"no daemon answers at {alone.server}")
    assert "ARGOEXEC_SERVER" in outcome.err


def test_no_daemon_at_the_default_address_says_how_to_start_one(alone: Cli) -> None:
    environment = {"ARGOEXEC_SERVER": "", "XDG_RUNTIME_DIR": str(alone.home)}
    outcome = alone("list", **environment)
    if outcome.code == 5:
        assert outcome.err.splitlines()[1] == "hint: argoexec serve --detach"


def test_a_port_where_nobody_listens(alone: Cli) -> None:
    check(alone("list", "--server", "127.0.0.1:1"), 5, "127.0.0.1:1")


def test_an_address_that_is_none(alone: Cli) -> None:
    check(alone("list", "--server", "ftp://x"), 2, "'ftp://x' is not an address")


def test_a_config_file_with_a_misspelt_key(alone: Cli) -> None:
    (alone.home / "config.yaml").write_text("curent-context: x\n")
    check(alone("list"), 2, "config.yaml:1: curent-context is not supported")


@pytest.mark.parametrize("command", ["get", "logs", "wait", "stop", "delete", "watch", "events"])
def test_an_unknown_name_is_not_found(command: str, cli: Cli) -> None:
    outcome = cli(command, "nobody-has-this-name", "-n", "empty-namespace")
    check(outcome, 3, "there is no run or pod nobody-has-this-name in empty-namespace")
    assert outcome.err.splitlines()[1] == "hint: argoexec list -n empty-namespace"


def test_a_near_miss_is_suggested(cli: Cli) -> None:
    cli.pod("well-named", "true")
    outcome = cli("get", "wel-named")
    check(outcome, 3, "wel-named")
    assert outcome.err.splitlines()[1] == "hint: did you mean well-named?"


def test_a_kind_apart_from_the_name(cli: Cli) -> None:
    outcome = cli("stop", "pod", "web")
    check(outcome, 3, "there is no run or pod pod in default")
    assert outcome.err.splitlines()[1] == "hint: argoexec list; a pod is written pod/NAME"


def test_latest_of_nothing(cli: Cli) -> None:
    check(cli("get", "@latest", "-n", "empty-namespace"), 3, "nothing has run in namespace")


def test_an_unknown_kind(cli: Cli) -> None:
    check(cli("get", "secret/x"), 2, "there is no kind 'secret'")


def test_an_unknown_container(cli: Cli) -> None:
    cli.pod("one-container", "true", "--wait")
    outcome = cli("logs", "one-container", "-c", "other")
    check(outcome, 3, "pod one-container has no container other")
    assert outcome.err.splitlines()[1] == "hint: it has: main"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--since", "soon"], "--since: 'soon' is not a duration"),
        (["--since-time", "noon"], "--since-time: 'noon' is not"),
        (["--since", "1m", "--since-time", "2026-01-01T00:00:00Z"], "exclude each other"),
        (["--grep", "["], "--grep: '[' is not a regular expression"),
    ],
)
def test_log_flags_that_cannot_be(flags: list[str], message: str, alone: Cli) -> None:
    check(alone("logs", "x", *flags), 2, message)


def test_an_executor_that_nobody_registered(cli: Cli) -> None:
    outcome = cli("submit", str(EXAMPLES / "echo.yaml"), "--executor", "nobody")
    check(outcome, 3, "nobody")
    assert "argoexec register" in outcome.err


def test_a_selector_that_cannot_be_read(cli: Cli) -> None:
    check(cli("list", "-l", "a=b=c"), 2, "label selector: cannot read 'a=b=c'")


@pytest.mark.parametrize("flag", ["--status", "--phase"])
def test_a_status_that_does_not_exist_is_refused_with_the_choices(flag: str, alone: Cli) -> None:
    outcome = alone("list", flag, "Running,Bogus")
    check(outcome, 2, "there is no status 'Bogus', only Pending, Running, Succeeded, Failed")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--host", "lab", "--lease", "1h", "--count", "2"], "--count, --lease: not for hosts of"),
        (["--provider", "local", "--host", "lab"], "--host: not for hosts of provider local"),
        (["--provider", "aws", "--host", "lab"], "--host: not for hosts of provider aws"),
        (["--host", "lab", "--allow", "10.0.0.7/8"], "--allow '10.0.0.7/8' is no network"),
        (["--host", "lab", "--host", "lab"], "--host names the same host twice"),
        (["--provider", "ssh"], "which hosts?"),
    ],
)
def test_a_fleet_that_contradicts_itself(flags: list[str], message: str, alone: Cli) -> None:
    check(alone("provision", "odd", *flags), 2, message)


def test_what_the_executor_minds_is_named_with_file_and_line(cli: Cli) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: twice}\nspec:\n  containers:\n"
        "  - {name: main, image: busybox}\n  - image: busybox\n    name: main\n"
    )
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: first}}\n---\n{pod}"
    check(cli("submit", "-", stdin=text), 2, "stdin:12: spec.containers[1].name: another container")


def test_two_ways_to_name_it_are_one_too_many(alone: Cli) -> None:
    flags = ("--name", "one", "--generate-name", "other-")
    check(alone("submit", str(EXAMPLES / "pod.yaml"), *flags), 2, "one name is enough")


def test_a_manifest_without_an_end_is_not_read_to_its_end(alone: Cli) -> None:
    check(alone("submit", "-", stdin="x" * 2_000_000), 2, "what comes is too large")
