"""Which task's directories are in the way of a start, and which are somebody's."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from argoexec_cli.runtime.containerd.bundles import Bundles

Wait = Callable[[float], None]


class Starts:
    """Starts of a container that are refused, the clock of which is turned by hand."""

    def __init__(self, container: str = "one") -> None:
        """Refuse none yet."""
        self.now = 100.0
        self._container = container
        self._bundles = Bundles(lambda: self.now)

    def refuse(self, bundle: Path, *, after_s: float = 0.0) -> None:
        """Refuse one for *bundle*."""
        self.now += after_s
        refusal = f"cannot start: failed to start shim: mkdir {bundle}: file exists"
        self._bundles.clear_leftover(self._container, refusal)

    def refuse_for_long(self, bundle: Path) -> None:
        """Refuse again and again, for half a minute."""
        for _ in range(300):
            self.refuse(bundle, after_s=0.1)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Give a directory as a crash leaves it."""
    made = tmp_path / "io.containerd.runtime.v2.task" / "k8s.io" / "one"
    (made / "rootfs").mkdir(parents=True)
    (made / "config.json").touch()
    return made


def test_a_leftover_goes_and_what_it_points_to_does_not(bundle: Path, tmp_path: Path) -> None:
    work, starts = tmp_path / "work", Starts()
    work.mkdir()
    (bundle / "work").symlink_to(work)
    os.mkfifo(bundle / "log")
    starts.refuse_for_long(bundle)
    assert not bundle.exists()
    assert work.exists()
    starts.refuse(bundle)


def test_one_whose_root_was_not_made_yet(bundle: Path) -> None:
    (bundle / "rootfs").rmdir()
    Starts().refuse_for_long(bundle)
    assert not bundle.exists()


def test_one_that_somebody_may_be_at_work_on_stays(bundle: Path) -> None:
    starts = Starts()
    starts.refuse(bundle)
    starts.refuse(bundle, after_s=4.9)
    assert bundle.exists()
    (bundle / "shim-binary-path").touch()
    starts.refuse(bundle, after_s=0.2)
    starts.refuse(bundle, after_s=4.9)
    assert bundle.exists()
    starts.refuse(bundle, after_s=0.2)
    assert not bundle.exists()


def told(bundle: Path, name: str, where: Path) -> None:
    """Have the bundle's file *name* say that its shim listens there."""
    address = f"unix://{where}"
    content = address if name == "address" else json.dumps({"version": 3, "address": address})
    (bundle / name).write_text(content)


@pytest.mark.parametrize("name", ["address", "bootstrap.json"])
@pytest.mark.parametrize("kind", ["gone", "refusing"])
def test_one_of_a_shim_that_is_no_more(bundle: Path, short_tmp: Path, name: str, kind: str) -> None:
    if kind == "refusing":
        with socket.socket(socket.AF_UNIX) as shim:
            shim.bind(str(short_tmp / "s"))
    told(bundle, name, short_tmp / "s")
    Starts().refuse_for_long(bundle)
    assert not bundle.exists()


@pytest.mark.parametrize("name", ["address", "bootstrap.json"])
@pytest.mark.parametrize("busy", [False, True], ids=["answers", "busy"])
def test_one_of_a_shim_that_listens_stays(
    bundle: Path, short_tmp: Path, name: str, busy: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as shim, socket.socket(socket.AF_UNIX) as other:
        shim.bind(str(short_tmp / "s"))
        shim.listen(0)
        if busy:
            other.connect(str(short_tmp / "s"))
        told(bundle, name, short_tmp / "s")
        starts = Starts()
        starts.refuse(bundle)
        starts.refuse(bundle, after_s=60)
    assert (bundle / "config.json").exists()


@pytest.mark.parametrize("name", ["runtime", "rootfs/bin"])
def test_one_that_containerd_undoes_or_that_has_a_root_stays(bundle: Path, name: str) -> None:
    (bundle / name).touch()
    Starts().refuse_for_long(bundle)
    assert (bundle / "config.json").exists()


def test_nothing_is_deleted_below_a_directory(bundle: Path) -> None:
    (bundle / "other").mkdir()
    (bundle / "other/file").touch()
    with suppress(OSError):
        Starts().refuse_for_long(bundle)
    assert (bundle / "other/file").exists()


def test_one_of_another_container_stays(bundle: Path) -> None:
    Starts("two").refuse_for_long(bundle)
    assert (bundle / "config.json").exists()


def test_another_directory_stays(tmp_path: Path) -> None:
    other = tmp_path / "one"
    other.mkdir()
    Starts().refuse_for_long(other)
    assert other.exists()
