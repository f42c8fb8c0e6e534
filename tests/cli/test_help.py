"""Help: the same as last time, and the same as the code."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from argoexec_cli.cli.app import to_callback
from argoexec_cli.cli.catalog import COMMANDS, module_of, names
from argoexec_cli.cli.run import load_command
from tests.cli.conftest import Cli

GOLDEN = Path(__file__).parent / "help"
ONE_LINERS = {name: line for group in COMMANDS.values() for name, line in group.items()}


@pytest.mark.parametrize("name", ["", *names()])
def test_help_is_as_it_was(name: str, alone: Cli) -> None:
    # To renew the files: python -m tests.cli.renew_help
    outcome = alone(*name.split(), "--help")
    assert outcome.code == 0
    assert outcome.out == (GOLDEN / f"{name or 'argoexec'}.txt").read_text()


def test_no_help_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {"argoexec", *names()}


@pytest.mark.parametrize("name", names())
def test_the_one_liner_is_the_commands_own(name: str) -> None:
    function = getattr(importlib.import_module(module_of(name)), f"{name}_")
    assert (function.__doc__ or "").splitlines()[0] == ONE_LINERS[name]


@pytest.mark.parametrize("name", names())
def test_no_registered_command_is_a_coroutine_function(name: str) -> None:
    # typer would call it, get a coroutine, and drop it without a word.
    assert not inspect.iscoroutinefunction(to_callback(load_command(name)))


@pytest.mark.parametrize("name", names())
def test_a_commands_body_is_short(name: str) -> None:
    function = getattr(importlib.import_module(module_of(name)), f"{name}_")
    source = inspect.getsource(function)
    body = source[source.index('"""') :].split('"""')[2].strip().splitlines()
    assert len(body) <= 25


def test_nothing_at_all_shows_help(alone: Cli) -> None:
    assert alone().out == alone("--help").out


def test_a_misspelt_command_is_named_with_the_nearest_one(alone: Cli) -> None:
    outcome = alone("sumbit")
    assert outcome.code == 2
    assert outcome.err == (
        "error: there is no command 'sumbit'; did you mean submit?\nhint: argoexec --help\n"
    )


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("ls", "list"),
        ("rm", "delete"),
        ("kill", "stop"),
        ("apply", "submit"),
        ("describe", "get"),
        # By its letters it is nearest to destroy.
        ("retry", "submit"),
        ("completion", "--install-completion"),
    ],
)
def test_what_other_programs_call_it_is_known(word: str, ours: str, alone: Cli) -> None:
    outcome = alone(word)
    assert outcome.code == 2
    assert f"there is no command '{word}'; did you mean {ours}?" in outcome.err


@pytest.mark.parametrize(
    ("asked", "ours"),
    [
        ("-h", "--help"),
        ("help", "--help"),
        ("help list", "list --help"),
        ("list -h", "list --help"),
        ("--version", "version"),
    ],
)
def test_help_and_version_are_found_by_the_usual_names(asked: str, ours: str, alone: Cli) -> None:
    outcome = alone(*asked.split())
    assert outcome.code == 0
    assert outcome.out
    assert outcome == alone(*ours.split())


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("get pod web", "argoexec get pod/web"),
        ("logs -f pod web", "argoexec logs --help"),
        ("submit -f web.yaml", "argoexec submit web.yaml"),
        ("list --running=yes", "argoexec list --help"),
        ("get a b", "argoexec get --help"),
    ],
)
def test_a_wrong_line_is_told_the_right_one(line: str, hint: str, alone: Cli) -> None:
    outcome = alone(*line.split())
    assert outcome.code == 2
    assert outcome.err.splitlines()[1] == f"hint: {hint}"


def test_help_imports_nothing_heavy() -> None:
    heavy = {"grpc", "yaml", "rich", "aiodocker", "ansible_runner"}
    code = (
        "import sys\n"
        "from argoexec_cli.cli.main import run\n"
        "run(['--help'])\n"
        "print(sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.replace("'", "").strip("[]\n").split(", "))
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("argoexec_cli.cli.commands.")}
