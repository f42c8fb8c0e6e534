"""Files that a task leaves as outputs: whatever it puts there, the host is left alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from argoexec_cli.executors.local.outputs import OutputError, OutputFiles
from argoexec_cli.models.pod import Container, VolumeMount
from argoexec_cli.models.record import FileParameter, OutputsWanted
from argoexec_cli.runtime.base import ContainerKey

KEY = ContainerKey(pod_uid="p", container="main")
MAIN = Container(name="main", image="i", volume_mounts=(VolumeMount(name="v", mount_path="/v"),))
WANTED = OutputsWanted(parameters=(FileParameter(name="p", path="/v/d/file"),))


async def value(volume: Path) -> str:
    """Return the only parameter, whose file is in a volume."""
    (one,) = await OutputFiles(volume).read(KEY, MAIN, WANTED, {"v": volume})
    return one.value


async def test_a_file_is_read_and_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("x\n")
    assert await value(tmp_path) == "x"
    (tmp_path / "d/file").rename(tmp_path / "d/other")
    (tmp_path / "d/file").symlink_to("other")
    with pytest.raises(OutputError, match="not a file"):
        await value(tmp_path)
    (tmp_path / "d").rename(tmp_path / "e")
    (tmp_path / "d").symlink_to("e")
    with pytest.raises(OutputError, match="/v/d/file: "):
        await value(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
async def test_a_device_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    # Nobody has this number: who opens it is told so, who only looks is not.
    os.mknod(tmp_path / "d/file", stat.S_IFCHR | 0o666, os.makedev(255, 255))
    with pytest.raises(OutputError, match="not a file"):
        await value(tmp_path)
