"""What is bound is what was meant, and unmounting it touches nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.mounting import bind_below, unmount_all

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[Path]:
    """Give a directory for mounts, and unmount what a failed test leaves there."""
    directory = tmp_path / "mounts"
    yield directory
    unmount_all(directory)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a directory of the host with another file system below it, shared as systemd does."""
    path = tmp_path / "disk"
    inner = path / "inner"
    inner.mkdir(parents=True)
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "--make-shared", path], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", inner], check=True)
    (inner / "file").write_text("x")
    yield path
    subprocess.run(["umount", "-R", path], check=True)


def test_what_is_mounted_below_is_seen_and_stays(disk: Path, mounts: Path) -> None:
    bind_below(disk, ".", mounts / "copy", make="")
    assert (mounts / "copy/inner/file").read_text() == "x"
    unmount_all(mounts)
    assert (disk / "inner/file").read_text() == "x"


def test_only_what_is_asked_for_is_made(tmp_path: Path, mounts: Path) -> None:
    with pytest.raises(InvalidError, match="'a/b': No such file"):
        bind_below(tmp_path, "a/b", mounts / "none", make="")
    assert not (tmp_path / "a").exists()
    bind_below(tmp_path, "a/b", mounts / "file", make="file")
    assert (tmp_path / "a/b").is_file()
    (mounts / "file").write_text("seen")
    assert (tmp_path / "a/b").read_text() == "seen"


def test_the_place_alone_is_no_mount(tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "disk").mkdir()
    (mounts / "place").mkdir(parents=True)  # a crash came, or mounting failed
    for _ in range(2):
        bind_below(tmp_path / "disk", ".", mounts / "place")
    (mounts / "place/file").touch()
    assert (tmp_path / "disk/file").exists()
    subprocess.run(["umount", mounts / "place"], check=True)
    assert not (mounts / "place/file").exists(), "it was mounted twice"


def test_a_link_leads_nowhere(tmp_path: Path, mounts: Path) -> None:
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    for below in ("link", "link/made"):
        with pytest.raises(InvalidError, match="through a link"):
            bind_below(inside, below, mounts / "link", make="file")
    assert not list(outside.iterdir())
