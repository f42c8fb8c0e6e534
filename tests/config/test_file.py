"""The config file and what can be wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.config.file import load_file, parse_file
from argoexec_cli.config.settings import ConfigFile, Context
from argoexec_cli.errors import InvalidError

PATH = Path("/etc/x.yaml")


def test_contexts_are_read() -> None:
    config = parse_file("contexts:\n- {name: a, server: 'b:1'}\ncurrent-context: a\n", PATH)
    assert config == ConfigFile(contexts=(Context(name="a", server="b:1"),), current_context="a")


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_file_is_an_empty_config(text: str) -> None:
    assert parse_file(text, PATH) == ConfigFile()


def test_a_file_that_is_not_there_is_an_empty_config(tmp_path: Path) -> None:
    assert load_file(tmp_path / "none.yaml") == ConfigFile()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nserver: x\n", "/etc/x.yaml:2: server is not supported"),
        (
            "contexts:\n- name: a\n  server: b\n- name: c\n  servr: d\n",
            "/etc/x.yaml:5: contexts[1].servr is not supported",
        ),
        ("contexts:\n- name: 5\n  server: b\n", "/etc/x.yaml:2: contexts[0].name: expected str"),
        ("contexts: 4\n", "/etc/x.yaml:1: contexts: expected array"),
        ("- a\n", "/etc/x.yaml:1: not a mapping"),
        ("a: [\n", "/etc/x.yaml:2: not YAML"),
        ("a: \x00\n", "/etc/x.yaml: not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_file(text, PATH)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_misspelt_key_gets_the_right_one_as_hint() -> None:
    with pytest.raises(InvalidError) as caught:
        parse_file("curent-context: a\n", PATH)
    assert caught.value.hint == "did you mean current-context?"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=f"{tmp_path}: Is a directory"):
        load_file(tmp_path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InvalidError, match="not UTF-8 text"):
        load_file(binary)
