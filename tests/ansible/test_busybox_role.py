"""The role `busybox`, applied for real to this machine: what stand-in images are made of."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from argoexec_cli.runtime.standin import StandInImage, docker_archive

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may install packages"),
]

PLAYBOOK = Path(__file__).parents[2] / "ansible/playbooks/busybox.yml"


def _apply() -> int:
    """Run the playbook; return how many tasks changed something."""
    argv = [str(Path(sys.executable).with_name("ansible-playbook"))]
    argv += ["-i", "localhost,", "-c", "local", str(PLAYBOOK)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    changed = re.search(r"changed=(\d+) .*failed=0", done.stdout)
    if changed is None:
        raise AssertionError(done.stdout + done.stderr)
    return int(changed[1])


def test_gives_what_images_are_made_of_and_changes_nothing_again() -> None:
    _apply()
    assert docker_archive([StandInImage()])
    assert _apply() == 0
