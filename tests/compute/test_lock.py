"""One run at a time for one fleet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from argoexec_cli.compute.lock import alone
from argoexec_cli.errors import PreconditionError


def test_the_second_run_is_told_who_the_first_is(tmp_path: Path) -> None:
    place = tmp_path / "fleets" / "lab"
    with (
        alone(place),
        pytest.raises(PreconditionError, match=rf"on the fleet lab \(pid {os.getpid()}\)"),
        alone(place),
    ):
        pass
    assert place.stat().st_mode & 0o777 == 0o700
    with alone(place):
        pass
