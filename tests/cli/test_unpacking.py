"""Archives from a container that mean no good, or break off."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from argoexec_cli.cli.unpacking import Unpacking
from argoexec_cli.errors import DataLossError, DeniedError

Entry = tuple[str, bytes | str, bytes]
"""Name, type, and content or the link's target."""
FILE, SYMLINK, HARDLINK, DIR = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE)


def archive(*entries: tuple[str, bytes, str], mode: int = 0o644) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind, text in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o755 if kind == DIR else mode
            if kind == FILE:
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
            else:
                entry.linkname = text
                tar.addfile(entry)
    out.seek(0)
    return out


def unpack(source: io.BytesIO, goal: Path, name: str = "src") -> Unpacking:
    unpacking = Unpacking(goal, name)
    unpacking.read(source)  # type: ignore[arg-type] # it only reads
    return unpacking


def tree(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.mark.parametrize(
    "name", ["../evil", "src/../../evil", "/etc/evil", "other/evil", "src/a/../../../evil"]
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeniedError, match="is not where it was asked to"):
        unpack(archive(("src", DIR, ""), (name, FILE, "x")), tmp_path / "goal")
    assert tree(tmp_path) == ["goal"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    goal = tmp_path / "goal"
    goal.mkdir()
    (goal / "planted").symlink_to(outside)
    with pytest.raises(DeniedError):
        unpack(archive(("src", DIR, ""), ("src/planted/evil", FILE, "x")), goal)
    inside = [("src", DIR, ""), ("src/d", DIR, ""), ("src/l", SYMLINK, "d"), ("src/l/x", FILE, "x")]
    with pytest.raises(DeniedError):
        unpack(archive(*inside), tmp_path / "second")
    assert tree(outside) == []


def test_a_file_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    goal = tmp_path / "goal"
    goal.mkdir()
    (goal / "file").symlink_to(outside)
    unpack(archive(("src", DIR, ""), ("src/file", FILE, "new")), goal)
    assert outside.read_text() == "mine"
    assert (goal / "file").read_text() == "new"
    assert not (goal / "file").is_symlink()


def test_links_out_of_the_goal_are_left_out(tmp_path: Path) -> None:
    links = [
        ("src/ok", SYMLINK, "sub/file"),
        ("src/absolute", SYMLINK, "/etc/passwd"),
        ("src/up", SYMLINK, "../x"),
        ("src/sub/up", SYMLINK, "../../x"),
        ("src/sub/fine", SYMLINK, "../ok"),
    ]
    goal = tmp_path / "goal"
    unpacking = unpack(archive(("src", DIR, ""), ("src/sub", DIR, ""), *links), goal)
    assert tree(goal) == ["ok", "sub", "sub/fine"]
    assert len(unpacking.warnings) == 3


def test_a_hard_link_leads_to_what_was_unpacked_only(tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    fine = [("src", DIR, ""), ("src/a", FILE, "text"), ("src/b", HARDLINK, "src/a")]
    unpack(archive(*fine), goal)
    assert (goal / "b").read_text() == "text"
    with pytest.raises(DeniedError):
        unpack(archive(("src", DIR, ""), ("src/c", HARDLINK, "/etc/passwd")), tmp_path / "second")
    planted = [("src", DIR, ""), ("src/c", HARDLINK, "src/../../goal/a")]
    with pytest.raises(DeniedError):
        unpack(archive(*planted), tmp_path / "third")


def test_bits_that_lend_rights_are_dropped(tmp_path: Path) -> None:
    unpack(archive(("src", FILE, "x"), mode=0o4755), tmp_path / "goal")
    assert os.stat(tmp_path / "goal").st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("kept", [600, 1100])
def test_an_archive_that_breaks_off_leaves_whole_files_only(tmp_path: Path, kept: int) -> None:
    goal = tmp_path / "goal"
    goal.write_text("as before")
    whole = archive(("src", FILE, "x" * 4000)).getvalue()
    with pytest.raises((DataLossError, DeniedError)):
        unpack(io.BytesIO(whole[:kept]), goal)
    assert tree(tmp_path) == ["goal"]
    assert goal.read_text() == "as before"


def test_everything_of_a_root(tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    unpack(archive((".", DIR, ""), ("./etc", DIR, ""), ("./etc/file", FILE, "x")), goal, ".")
    assert tree(goal) == ["etc", "etc/file"]
