"""What is put off happens at the first use, once, and then is what it would have been."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from argoexec_cli.postponed import patterns_postponed, postpone_modules


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of a module that counts, in a file, how often it was loaded."""
    name = "a_module_that_counts"
    lines = f"with open({str(tmp_path / 'loaded')!r}, 'a') as file: file.write('x')\nANSWER = 42\n"
    (tmp_path / f"{name}.py").write_text(lines, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    return name


def test_a_module_is_loaded_at_its_first_use_and_once(module: str, tmp_path: Path) -> None:
    postpone_modules(module)
    found = [importlib.import_module(module), importlib.import_module(module)]
    assert not hasattr(found[0], "__nothing_of_this_name__")
    assert not (tmp_path / "loaded").exists()
    assert [one.ANSWER for one in found] == [42, 42]
    assert type(found[0]) is ModuleType
    with pytest.raises(AttributeError):
        _ = found[0].QUESTION
    assert (tmp_path / "loaded").read_text() == "x"


def test_a_module_in_a_package_is_found_in_the_package() -> None:
    # Not in this process: what else is loaded here is not known.
    code = (
        "import sys\n"
        "from argoexec_cli.postponed import postpone_modules\n"
        "postpone_modules('asyncio.sslproto', 'ssl')\n"
        "import asyncio, asyncio.sslproto, ssl\n"
        "between = '_ssl' in sys.modules\n"
        "ssl.create_default_context()\n"
        "print(between, asyncio.sslproto.SSLProtocol.__name__, '_ssl' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False SSLProtocol True\n"


def test_threads_that_use_a_module_at_once_load_it_once(module: str, tmp_path: Path) -> None:
    with (tmp_path / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write("import time\ntime.sleep(0.2)\nLATE = 43\n")
    postpone_modules(module)
    found = importlib.import_module(module)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: found.LATE, range(4))) == [43] * 4
    assert (tmp_path / "loaded").read_text() == "x"


def test_a_module_that_is_loaded_stays(module: str) -> None:
    loaded = importlib.import_module(module)
    postpone_modules(module)
    assert importlib.import_module(module) is loaded
    postpone_modules("a_module_that_is_nowhere")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("a_module_that_is_nowhere")


def test_what_a_star_imports_is_loaded(module: str) -> None:
    postpone_modules(module)
    found: dict[str, object] = {}
    exec(f"from {module} import *", found)  # noqa: S102 - a star is for modules only
    assert found["ANSWER"] == 42


def test_a_backport_is_loaded_only_for_what_the_newer_module_lacks(
    module: str, tmp_path: Path
) -> None:
    newer = ModuleType("newer")
    vars(newer).update(QUESTION="what?", ANSWER=41)
    postpone_modules(backports={module: newer})
    found = importlib.import_module(module)
    assert (found.ANSWER, found.QUESTION) == (41, "what?")
    assert not (tmp_path / "loaded").exists()
    del newer.ANSWER
    assert found.ANSWER == 42
    assert (tmp_path / "loaded").read_text() == "x"


def test_a_pattern_is_compiled_at_its_first_use() -> None:
    with patterns_postponed():
        words = re.compile(r"(\w+)", re.ASCII)
        assert re.compile("a").match("a")
        wrong = re.compile("(")
    assert not hasattr(wrong, "__isabstractmethod__")
    assert isinstance(re.compile("a"), re.Pattern)
    assert words.findall("one two") == ["one", "two"]
    assert words.flags == re.ASCII
    assert isinstance(words, re.Pattern)
    assert re.fullmatch(words, "one")
    assert re.sub(words, "x", "one two") == "x x"
    with pytest.raises(re.error):
        wrong.match("a")


def test_a_start_is_not_collected() -> None:
    # Not in this process: what it has now is to be collected later.
    code = (
        "import gc\n"
        "from argoexec_cli.postponed import collections_postponed\n"
        "with collections_postponed():\n"
        "    print(gc.isenabled())\n"
        "    made = [[] for _ in range(100_000)]\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 100_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue True\n"
