"""What TAB offers."""

from __future__ import annotations

import subprocess

from tests.cli.conftest import ARGOEXEC, Cli
from tests.cli.terminals import eventually


def complete(cli: Cli, line: str, **environment: str) -> list[str]:
    """Return what bash would be offered at the end of *line*."""
    words = line.split(" ")
    done = subprocess.run(
        ARGOEXEC,
        env={
            "PATH": "/usr/bin:/bin",
            **cli.environment,
            **environment,
            "_ARGOEXEC_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def offers(cli: Cli, line: str, wanted: list[str]) -> None:
    """See that *wanted* is offered: by a daemon that a busy machine keeps from answering in time,
    nothing is.
    """
    eventually(lambda: complete(cli, line) == wanted, f"{line}: {wanted}")


def test_commands_are_offered(alone: Cli) -> None:
    assert complete(alone, "argoexec s") == ["submit", "stop", "serve"]


def test_names_of_runs_and_pods_are_offered(cli: Cli) -> None:
    cli.pod("tab-one", "true")
    cli.pod("tab-two", "true")
    offers(cli, "argoexec logs tab-", ["tab-one", "tab-two"])
    offers(cli, "argoexec get @", ["@latest"])


def test_a_kind_in_front_narrows_what_is_offered(cli: Cli) -> None:
    cli.pod("tab-kind", "true")
    offers(cli, "argoexec logs pod/tab-k", ["pod/tab-kind"])
    offers(cli, "argoexec logs run/tab-k", [])


def test_names_are_those_of_the_namespace(cli: Cli) -> None:
    cli.pod("tab-else", "true", "-n", "tabs")
    offers(cli, "argoexec logs -n tabs tab-", ["tab-else"])


def test_without_a_daemon_nothing_is_said(alone: Cli) -> None:
    assert complete(alone, "argoexec logs tab-") == []


def test_executors_are_offered(alone: Cli) -> None:
    alone("register", "mine", "--endpoint", "h:1")
    assert complete(alone, "argoexec submit --executor ") == ["local", "mine"]


def test_servers_of_contexts_are_offered(alone: Cli) -> None:
    config = "contexts:\n- {name: a, server: 'lab:1'}\n- {name: b, server: 'lab:2'}\n"
    (alone.home / "config.yaml").write_text(config)
    assert complete(alone, "argoexec list --server lab") == ["lab:1", "lab:2"]
    (alone.home / "config.yaml").write_text("nonsense: 1\n")
    assert complete(alone, "argoexec list --server lab") == []


def test_the_script_can_be_shown(alone: Cli) -> None:
    outcome = alone("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert outcome.code == 0
    assert "_ARGOEXEC_COMPLETE" in outcome.out


def test_statuses_are_offered(alone: Cli) -> None:
    assert complete(alone, "argoexec list --status Suc") == ["Succeeded"]
    assert complete(alone, "argoexec list --status Failed,Err") == [
        "Failed,Error",
        "Failed,ErrImagePull",
        "Failed,ErrImageNeverPull",
    ]


def test_containers_of_the_pod_are_offered(cli: Cli) -> None:
    cli.pod("tab-box", "true")
    offers(cli, "argoexec logs tab-box -c ma", ["main"])
    offers(cli, "argoexec logs pod/tab-none -c ma", [])
