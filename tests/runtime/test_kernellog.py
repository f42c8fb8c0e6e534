"""What the kernel says of its kills: lines as Linux 6.1 writes them, and its own log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from argoexec_cli.runtime.kernellog import KernelLog

ID = "4f" * 32
KILL = (
    "4,1021,88123456,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={group},"
    "mems_allowed=0,oom_memcg={path},task_memcg={path},task=tail,pid=2130,uid=0\n"
    "3,1022,88123999,-;Memory cgroup out of memory: Killed process 2130 (tail) total-vm:4468kB\n"
)


def kill(path: str) -> str:
    """Return what is written down about a process of that group."""
    return KILL.format(path=path, group=path.rpartition("/")[2])


@pytest.mark.parametrize(
    "path",
    [
        f"/system.slice/docker-{ID}.scope",
        f"/docker/{ID}",
        f"/kubepods.slice/argoexec-{ID}.scope/inner",
    ],
)
def test_a_kill_is_found_by_the_containers_group(tmp_path: Path, path: str) -> None:
    log = tmp_path / "kmsg"
    log.write_text("6,1,5,-;Linux version 6.1\n")
    kernel = KernelLog(log)
    assert not kernel.killed_in(ID)
    with log.open("a") as file:
        file.write(kill(path))
    assert kernel.killed_in(ID)
    assert not kernel.killed_in(ID[1:])
    assert not kernel.killed_in("tail")


def test_where_it_cannot_be_read_nothing_is_known(tmp_path: Path) -> None:
    assert not KernelLog(tmp_path / "none").killed_in(ID)


def test_the_kernels_own_log_is_read_to_its_end() -> None:
    before, kernel = groups_in_dmesg(), KernelLog()
    assert not kernel.killed_in(ID)
    # The oldest lines go as new ones come: only what is there yet was there all the time.
    for group in before & groups_in_dmesg():
        assert kernel.killed_in(group.rpartition("/")[2].removesuffix(".scope"))


def groups_in_dmesg() -> set[str]:
    """Return the groups in which something was killed, as far back as the kernel tells."""
    try:
        said = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the kernel's log cannot be read here")
    return {text.partition(",")[0] for text in said.split("task_memcg=")[1:]}
