"""Which task's directories are in the way of a start, and which are somebody's."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from argoexec_cli.runtime.containerd.bundles import clear_leftover


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Give a directory as a crash leaves it, long ago."""
    made = tmp_path / "io.containerd.runtime.v2.task" / "k8s.io" / "one"
    (made / "rootfs").mkdir(parents=True)
    (made / "config.json").touch()
    _age(made)
    return made


def _age(bundle: Path) -> None:
    os.utime(bundle, (1_000_000_000, 1_000_000_000))


def _refusal(bundle: Path) -> str:
    return f"cannot start: failed to start shim: mkdir {bundle}: file exists"


def test_a_leftover_is_deleted_and_what_it_points_to_is_not(bundle: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (bundle / "work").symlink_to(work)
    _age(bundle)
    clear_leftover("one", _refusal(bundle))
    assert not bundle.exists()
    assert work.exists()
    clear_leftover("one", _refusal(bundle))


def test_one_whose_root_was_not_made_yet(bundle: Path) -> None:
    (bundle / "rootfs").rmdir()
    _age(bundle)
    clear_leftover("one", _refusal(bundle))
    assert not bundle.exists()


def test_one_of_a_shim_that_is_no_more(bundle: Path) -> None:
    (bundle / "address").write_text(f"unix://{bundle}/shim.sock")
    _age(bundle)
    clear_leftover("one", _refusal(bundle))
    assert not bundle.exists()


def test_one_of_a_shim_that_answers_stays(bundle: Path, tmp_path: Path) -> None:
    where = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as shim:
        shim.bind(str(where))
        shim.listen()
        (bundle / "address").write_text(f"unix://{where}")
        _age(bundle)
        clear_leftover("one", _refusal(bundle))
    assert (bundle / "config.json").exists()


@pytest.mark.parametrize("name", ["runtime", "rootfs/bin"])
def test_one_that_containerd_undoes_or_that_has_a_root_stays(bundle: Path, name: str) -> None:
    (bundle / name).touch()
    _age(bundle)
    clear_leftover("one", _refusal(bundle))
    assert (bundle / "config.json").exists()


def test_a_young_one_stays(bundle: Path) -> None:
    os.utime(bundle)
    clear_leftover("one", _refusal(bundle))
    assert (bundle / "config.json").exists()


def test_one_of_another_container_stays(bundle: Path) -> None:
    clear_leftover("two", _refusal(bundle))
    assert (bundle / "config.json").exists()


def test_another_directory_stays(tmp_path: Path) -> None:
    other = tmp_path / "one"
    other.mkdir()
    _age(other)
    clear_leftover("one", _refusal(other))
    assert other.exists()
