"""The functions that the roles' scripts share: they change what differs, and say so."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

HOST = Path(__file__).parents[2] / "ansible/shared/host.sh"


def script(text: str) -> list[str]:
    """Run *text* after the functions; return the lines that it printed."""
    argv = ["sh", "-c", f"{HOST.read_text()}\n{text}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


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
