"""What a machine must have for an engine to start; a test that needs more skips, or fails in CI."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRE_OPTION = "--require-engines"


def need(config: pytest.Config, *programs: str) -> None:
    """Return when *programs* are installed and we are root; else skip, or fail with the option."""
    missing = [program for program in programs if shutil.which(program) is None]
    if os.geteuid() == 0 and not missing:
        return
    what = f"{', '.join(missing)} not installed" if missing else "engines are started as root only"
    reason = f"{what}; as root on Debian, run: make engines"
    if config.getoption(REQUIRE_OPTION):
        pytest.fail(reason)
    pytest.skip(reason)
