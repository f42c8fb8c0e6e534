"""What is put off happens at the first use, once, and then is what it would have been."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from argoexec_cli.postponed import patterns_postponed, postpone_module


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of a module that counts, in a file, how often it was loaded."""
    name = "a_module_that_counts"
    lines = f"with open({str(tmp_path / 'loaded')!r}, 'a') as file: file.write('x')\nANSWER = 42\n"
    (tmp_path / f"{name}.py").write_text(lines, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_a_module_is_loaded_at_its_first_use_and_once(module: str, tmp_path: Path) -> None:
    postpone_module(module)
    found = [importlib.import_module(module), importlib.import_module(module)]
    assert not hasattr(found[0], "__nothing_of_this_name__")
    assert not (tmp_path / "loaded").exists()
    assert [one.ANSWER for one in found] == [42, 42]
    assert type(found[0]) is ModuleType
    with pytest.raises(AttributeError):
        _ = found[0].QUESTION
    assert (tmp_path / "loaded").read_text() == "x"


def test_a_module_that_is_loaded_stays(module: str) -> None:
    loaded = importlib.import_module(module)
    postpone_module(module)
    assert importlib.import_module(module) is loaded
    postpone_module("a_module_that_is_nowhere")
    assert "a_module_that_is_nowhere" not in sys.modules


def test_a_pattern_is_compiled_at_its_first_use() -> None:
    with patterns_postponed():
        words = re.compile(r"(\w+)", re.ASCII)
        wrong = re.compile("(")
    assert isinstance(re.compile("a"), re.Pattern)
    assert words.findall("one two") == ["one", "two"]
    assert words.flags == re.ASCII
    with pytest.raises(re.error):
        wrong.match("a")
