"""The inventory that is told later."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from argoexec_cli.compute.ansible.inventory import LateInventory

HOSTS = {"lab-0": {"ansible_host": "10.0.0.1", "note": "it's $HOME"}}
WANTED = {"all": {"hosts": ["lab-0"]}, "_meta": {"hostvars": HOSTS}}


def started(inventory: LateInventory) -> subprocess.Popen[bytes]:
    """Run the program as Ansible does."""
    return subprocess.Popen([inventory.program, "--list"], stdout=subprocess.PIPE)


def test_the_program_waits_until_it_is_told(tmp_path: Path) -> None:
    with LateInventory(tmp_path) as inventory, started(inventory) as program:
        try:
            program.communicate(timeout=0.5)
        except subprocess.TimeoutExpired:
            inventory.tell(HOSTS)
        assert program.stdout is not None
        assert json.loads(program.communicate(timeout=60)[0]) == WANTED


def test_the_program_is_run_after_it_was_told(tmp_path: Path) -> None:
    with LateInventory(tmp_path) as inventory:
        inventory.tell(HOSTS)
        with started(inventory) as program:
            assert json.loads(program.communicate(timeout=60)[0]) == WANTED
