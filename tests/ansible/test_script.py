"""The action `argoexec_script`: what it brings to a host, and what it says of the end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROLES = Path(__file__).parents[2] / "ansible/roles"
PROGRAM = Path(sys.executable).with_name("ansible-playbook")


def play(directory: Path, task: dict[str, Any], *words: str) -> tuple[bool, str]:
    """Do one such task on this machine; return whether it was well, and all that was said."""
    path = directory / "play.yml"
    variables = {"import_role": {"name": str(ROLES / "argoexec"), "tasks_from": "variables.yml"}}
    tasks = [variables, {"name": "It", "argoexec_script": task}]
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    argv = [str(PROGRAM), "-vvvv", "-i", "localhost,", "-c", "local", str(path), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def changes(said: str) -> int:
    found = re.search(r"changed=(\d+)", said)
    assert found is not None, said
    return int(found[1])


def test_files_reach_the_script_and_are_seen_nowhere_else(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"very\nsecret")
    files = [
        {"path": "/one", "mode": "0600", "source": str(key)},
        {"path": "/two", "mode": "0644", "content": "plain"},
    ]
    seen = tmp_path / "seen"
    # What reads stdin gets nothing of the script, whose rest is done all the same.
    script = f"cat\nfiles >{seen}\necho done\ntr '\\0' ' ' </proc/$$/cmdline >{seen}.arguments"
    good, said = play(tmp_path, {"script": script, "files": files})
    assert good, said
    assert changes(said) == 1
    assert seen.read_text() == "/one 0600 dmVyeQpzZWNyZXQ=\n/two 0644 cGxhaW4=\n"
    for place in (said, Path(f"{seen}.arguments").read_text()):
        assert "dmVyeQpzZWNyZXQ" not in place
        assert "very" not in place


def test_what_prints_nothing_changed_nothing(tmp_path: Path) -> None:
    good, said = play(tmp_path, {"script": "true"})
    assert good, said
    assert changes(said) == 0


def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    good, said = play(tmp_path, {"script": "set -e\necho no room >&2\nfalse\necho never"})
    assert not good
    assert "no room" in said
    assert "never\n" not in said


def test_in_check_mode_nothing_runs(tmp_path: Path) -> None:
    good, said = play(tmp_path, {"script": f"touch {tmp_path}/ran"}, "--check")
    assert good, said
    assert "skipped=1" in said
    assert not (tmp_path / "ran").exists()
