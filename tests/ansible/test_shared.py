"""The functions that the roles' scripts share: they change what differs, and say so."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ANSIBLE = Path(__file__).parents[2] / "ansible"
HOST = ANSIBLE / "shared/host.sh"


def script(text: str) -> list[str]:
    """Run *text* after the functions; return the lines that it printed."""
    argv = ["sh", "-c", f"{HOST.read_text()}\n{text}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


def raw_tasks(part: object) -> Iterator[dict[str, Any]]:
    """Find every task that is a script, however deep."""
    if isinstance(part, dict):
        if "ansible.builtin.raw" in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from raw_tasks(each)


def test_scripts_run_in_the_shell_that_they_are_written_for() -> None:
    """A login's own may be bash, in whose `$(…)` nothing that fails is a failure."""
    files = [yaml.safe_load(path.read_text()) for path in ANSIBLE.rglob("*.yml")]
    tasks = list(raw_tasks(files))
    assert len(tasks) > 10
    wrong = [task for task in tasks if task.get("args", {}).get("executable") != "/bin/sh"]
    assert wrong == []


def write(path: Path, content: str, *more: str) -> list[str]:
    """Write a file by it."""
    line = " ".join([str(path), "0640", base64.b64encode(content.encode()).decode(), *more])
    return script(f"write_files <<END\n{line}\n\nEND")


def test_a_file_is_written_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "new/file"
    assert write(path, "one\n") == [str(path)]
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("one\n", 0o640)
    assert write(path, "one\n") == []
    assert write(path, "") == [str(path)]
    assert path.read_text() == ""
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_somebody_elses_file_is_kept_beside_it_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("theirs")
    assert write(path, "ours", "backup") == [str(path)]
    (kept,) = tmp_path.glob("file.*~")
    assert (path.read_text(), kept.read_text()) == ("ours", "theirs")
    assert write(path, "ours", "backup") == []


def test_a_file_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = f"{tmp_path}/file/below 0640 QQ=="
    argv = ["sh", "-c", f"{HOST.read_text()}\nwrite_files <<END\n{line}\nEND"]
    assert subprocess.run(argv, capture_output=True, check=False).returncode != 0


def test_directories_and_links_are_made_once(tmp_path: Path) -> None:
    made, link = tmp_path / "a/b", tmp_path / "link"
    both = f"have_directories {made}\nhave_link {made} {link}"
    assert script(both) == [str(made), str(link)]
    assert script(both) == []
    assert script(f"have_link {tmp_path} {link}") == [str(link)]
    assert link.resolve() == tmp_path


def have_json(path: Path, ours: object) -> list[str]:
    """Have *path* say *ours* by it."""
    return script(f"have_json {path} '{json.dumps(ours)}' {sys.executable}")


def test_settings_join_those_that_somebody_else_wrote(tmp_path: Path) -> None:
    path = tmp_path / "etc/daemon.json"
    assert have_json(path, {"live-restore": True}) == [str(path)]
    assert json.loads(path.read_text()) == {"live-restore": True}

    theirs = '{ "log-opts": {"max-size": "1m"}, "debug":true, "live-restore":  true }'
    path.write_text(theirs)
    path.chmod(0o600)
    assert have_json(path, {"live-restore": True}) == []
    assert path.read_text() == theirs
    assert have_json(path, {"log-opts": {"tag": "x"}, "debug": False}) == [str(path)]
    assert json.loads(path.read_text()) == {
        "log-opts": {"max-size": "1m", "tag": "x"},
        "debug": False,
        "live-restore": True,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("")
    assert have_json(path, {}) == [str(path)]


@pytest.mark.parametrize(("text", "said"), [("{not", "is not JSON"), ("[]", "no JSON object")])
def test_settings_that_cannot_be_read_are_left_alone(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "daemon.json"
    path.write_text(text)
    argv = ["sh", "-c", f"{HOST.read_text()}\nhave_json {path} '{{}}' {sys.executable}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith(f"{path} ")
    assert said in done.stderr
    assert path.read_text() == text
