"""The fast reader: it and typer understand the same, or it leaves the line to typer."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from argoexec_cli.cli.app import to_callback
from argoexec_cli.cli.catalog import names
from argoexec_cli.cli.declare import Param
from argoexec_cli.cli.fast import NotUnderstoodError, parse
from argoexec_cli.cli.run import Command, load_command
from tests.cli.conftest import POD, Cli

COMMANDS = {name: load_command(name) for name in names()}


def by_typer(name: str, words: list[str]) -> dict[str, Any] | None:
    """Return what typer makes of a command line; None when it refuses it."""
    seen: dict[str, Any] = {}
    command = COMMANDS[name]

    class Recording:
        """Takes the place of the command's signature and keeps what it is given."""

        params = command.signature.params

        def split(self, values: dict[str, Any]) -> Any:
            seen.update(values)
            raise typer.Exit(42)

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    recording: Any = Recording()
    app.command(name)(to_callback(Command(command.function, recording)))
    program: Any = typer.main.get_command(app)
    try:
        code = program.main(words, prog_name=name, standalone_mode=False)
    except Exception as exc:
        if isinstance(exc, typer.BadParameter.__base__ or ()):
            return None
        raise
    return seen if code == 42 else None


def by_us(params: list[Param], words: list[str]) -> dict[str, Any] | None:
    try:
        return parse(params, words)
    except NotUnderstoodError:
        return None


LINES = [
    "submit a.yaml",
    "submit a.yaml b.yaml --log -n ns",
    "submit - -p a=1 --parameter b=c=d --executor=local --dry-run",
    "submit -o json a.yaml",
    "logs x",
    "logs -f x --tail 5 --timestamps",
    "logs x --tail -1 --since=5m --grep -v",
    "logs -- -odd-name",
    "list -A --status Running --phase Failed -l a=b,c!=d --no-headers -o wide",
    "wait a b --for deleted --timeout 5s",
    "stop a --grace 0",
    "delete --all -y",
    "delete a b --dry-run",
    "serve --runtime fake --listen 127.0.0.1:0 --listen h:1 --data-dir /d --max-pods 5 -d",
    "serve --log-format json --insecure --stop",
    "register",
    "register x --endpoint unix:///s --default --config-map f",
    "watch",
    "events -w x -o yaml",
    "doctor --server h:1",
    "demo -q",
    "version --output json",
]


@pytest.mark.parametrize("line", LINES)
def test_plain_lines_mean_the_same_to_both(line: str) -> None:
    name, *words = line.split()
    mine = by_us(COMMANDS[name].signature.params, words)
    assert mine is not None
    assert mine == by_typer(name, words)


@pytest.mark.parametrize(
    "line",
    [
        "submit",
        "list --nope",
        "list --help",
        "list -o xml",
        "logs x --tail many",
        "logs x --limit-bytes -1",
        "logs a b",
        "logs x --since",
        "list -Aq",
        "list -nfoo",
        "list --running=yes",
        "list --running=",
        "serve --max-pods 0",
    ],
)
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    name, *words = line.split()
    assert by_us(COMMANDS[name].signature.params, words) is None


@pytest.mark.parametrize(("word", "value"), [("--prefix=true", True), ("--prefix=false", False)])
def test_a_flag_may_have_its_value_as_in_kubectl(word: str, value: bool) -> None:
    given = by_us(COMMANDS["logs"].signature.params, ["x", word])
    assert given is not None
    assert given["prefix"] is value


WORDS = ["a", "-", "--", "-n", "-f", "--tail", "5", "-1", "--tail=3", "--grep", "x=y", "--prefix"]
WORDS += ["-c", "--since", "--nope", "-q", "--server", "", "-p", "--previous", "--since-time="]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_whatever_the_fast_reader_understands_typer_understands_alike(words: list[str]) -> None:
    mine = by_us(COMMANDS["logs"].signature.params, words)
    if mine is not None:
        assert mine == by_typer("logs", words)


def test_a_plain_command_does_not_import_typer() -> None:
    code = (
        "import sys\n"
        "from argoexec_cli.cli.main import run\n"
        "run(['version', '-q'])\n"
        "print(*sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"typer", "click", "pydantic", "rich", "grpc"} & set(done.stderr.split())


@pytest.mark.parametrize("words", [["submit", "-"], ["logs", "-f", "loaded"], ["list"]])
def test_a_short_command_loads_nothing_that_only_others_and_errors_need(
    cli: Cli, words: list[str]
) -> None:
    cli.pod("loaded", "true", "--wait")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "argoexec_cli", *words],
        input=POD.format(name="loads-little", script="true"),
        env={**os.environ, **cli.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "grpc" in loaded
    protobuf_of_itself = "google.protobuf.descriptor_pb2"
    unwanted = {"typer", "difflib", "hashlib", "json", "tempfile", "_ssl", protobuf_of_itself}
    assert unwanted & loaded == set()


def test_options_before_the_command_count_too(cli: Cli) -> None:
    cli.pod("elsewhere", "true", "-n", "before")
    assert cli("-n", "before", "list", "-o", "name").out == "pod/elsewhere\n"
    assert cli("--quiet", "-n", "nothing-there", "list") == (0, "", "")
