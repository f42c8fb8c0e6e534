"""What tells the processes of an engine, or of a machine of the lab, from all others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engines import kernel


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
