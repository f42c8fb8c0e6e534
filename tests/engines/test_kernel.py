"""What tells the processes of an engine, or of a machine of the lab, from all others."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.engines import kernel
from tests.engines.availability import need


@pytest.mark.parametrize("word", ["{}", "{}/socket", "--socket={}/socket", "--directory={}"])
def test_a_process_that_names_the_directory_is_found_and_killed(word: str, tmp_path: Path) -> None:
    ours = tmp_path / "axl0"
    argv = ["sh", "-c", "echo; read line", "sh", word.format(ours)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline()
        found = kernel.processes_naming(ours), kernel.processes_naming(tmp_path / "axl")
        kernel.kill_naming(ours)
    assert found == ([child.pid], [])
    assert child.returncode == -9


def test_control_groups_go_with_the_last_process_in_them(
    pytestconfig: pytest.Config,
) -> None:
    need(pytestconfig)
    name = f"axe-test-{os.getpid()}"
    groups = Path("/sys/fs/cgroup")
    group = (groups / "pids" if (groups / "pids").is_dir() else groups) / name / "below"
    group.mkdir(parents=True)
    with subprocess.Popen(["sleep", "2"]) as child:
        (group / "cgroup.procs").write_text(str(child.pid))
        kernel.remove_cgroups(name)
    assert kernel.cgroups_of(name) == []
