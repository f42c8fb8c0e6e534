"""What README.md and docs/ tell users to type: it exists, and the tour goes as it is written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from argoexec_cli.cli.catalog import names
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TEXTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What the tour does to other places than the daemon of the tests; each has tests of its own.
ELSEWHERE = ("serve", "register", "exec", "cp")


def written() -> list[str]:
    """Return every command line of argoexec in a block of the documents."""
    lines = (
        line.removeprefix("$ ")
        for text in TEXTS
        for block in BLOCK.findall(text.read_text())
        for line in block.splitlines()
    )
    commands = (part.strip() for line in lines for part in line.split(";"))
    return sorted({one for one in commands if one.startswith("argoexec ")})


@pytest.mark.parametrize("line", written())
def test_what_is_written_can_be_typed(line: str, alone: Cli) -> None:
    _, *words = shlex.split(line, comments=True)
    # With --help the words are read, and an unknown flag is refused, but nothing is done.
    after_command = next(i for i, word in enumerate(words) if word in names()) + 1
    outcome = alone(*words[:after_command], "--help", *words[after_command:])
    assert (outcome.code, outcome.err) == (0, "")


def tour() -> list[tuple[str, str]]:
    """Return the tour's commands, each with what is shown below it."""
    section = README.read_text().split("## A tour")[1].split("\n## ")[0]
    shown = "\n".join(BLOCK.findall(section))
    parts = re.split(r"^\$ argoexec ", shown, flags=re.MULTILINE)[1:]
    return [(line, out) for line, _, out in (part.partition("\n") for part in parts)]


def test_the_tour_goes_as_it_is_written(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names_: dict[str, str] = {}
    walked = []
    for line, shown in tour():
        words = [names_.get(word, word) for word in shlex.split(line)]
        if words[0] in ELSEWHERE or "examples/pod.yaml" in words:  # which needs a real engine
            continue
        more = ["--executor", "local"] if words[0] == "submit" else []
        outcome = cli(*words, *more, "-n", "tour")
        walked.append(words[0])
        if shown.startswith("error:"):
            assert outcome.code != 0
            assert outcome.err.strip() == shown.strip().replace("default", "tour")
            continue
        assert outcome.code == 0, outcome
        if words[0] == "submit":
            names_[shown.split()[0]] = outcome.err.split()[0]
    assert {"submit", "list", "get", "logs"} <= set(walked)
