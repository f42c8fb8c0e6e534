"""Directories for a while, and what a killed process leaves of them."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from argoexec_cli.scratch import scratch


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long_ago = time.time() - 7200
    for name in ("ax-left", "ax-new", "other"):
        (tmp_path / name / "cp").mkdir(parents=True)
    (tmp_path / "ax-link").symlink_to(tmp_path / "other")
    for name in ("ax-left", "other", "ax-link"):
        os.utime(tmp_path / name, (long_ago, long_ago), follow_symlinks=False)
    with scratch("ax-") as first:
        os.utime(first, (long_ago, long_ago))
        with scratch("ax-") as second:
            there = {each.name for each in tmp_path.iterdir()}
            assert there == {"ax-new", "ax-link", "other", first.name, second.name}
            assert second.stat().st_mode & 0o777 == 0o700
    assert {each.name for each in tmp_path.iterdir()} == {"ax-new", "ax-link", "other"}
    assert (tmp_path / "other/cp").exists()
