"""The stand-in image is what `docker load` expects, and is made of good binaries only."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from argoexec_cli.errors import PreconditionError
from argoexec_cli.runtime.standin import BUSYBOX, StandInImage, docker_archive

# The smallest ELF header that passes for a static x86-64 program: no program header at all.
STATIC = b"\x7fELF\x02\x01".ljust(0x12, b"\0") + b"\x3e\x00".ljust(0x2E, b"\0")
DYNAMIC = bytearray(STATIC + b"\x03\x00\x00\x00".ljust(0x38, b"\0"))
DYNAMIC[0x20:0x28] = (0x40).to_bytes(8, "little")
DYNAMIC[0x36:0x3A] = b"\x38\x00\x01\x00"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file that looks like a static program."""
    path = tmp_path / "busybox"
    path.write_bytes(STATIC)
    return path


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return the files of a tar archive by name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_config_carries_the_defaults_and_names_the_layer_by_digest(program: Path) -> None:
    image = StandInImage(
        name="example/tool:2",
        entrypoint=("/bin/echo", "a"),
        cmd=("b",),
        env=("PATH=/bin", "C=d"),
        user="65534",
        working_dir="/tmp",
    )
    files = unpack(docker_archive([image], binary=program))
    (entry,) = json.loads(files["manifest.json"])
    config = json.loads(files[entry["Config"]])
    assert entry["RepoTags"] == ["example/tool:2"]
    assert config["config"] == {
        "Entrypoint": ["/bin/echo", "a"],
        "Cmd": ["b"],
        "Env": ["PATH=/bin", "C=d"],
        "User": "65534",
        "WorkingDir": "/tmp",
    }
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    layer = files[entry["Layers"][0]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert entry["Config"] == f"{hashlib.sha256(files[entry['Config']]).hexdigest()}.json"


def test_several_images_share_one_layer(program: Path) -> None:
    images = [StandInImage(), StandInImage(name="example/other:1", cmd=("true",))]
    files = unpack(docker_archive(images, binary=program))
    manifest = json.loads(files["manifest.json"])
    assert [entry["RepoTags"] for entry in manifest] == [["busybox:1.35"], ["example/other:1"]]
    assert {tuple(entry["Layers"]) for entry in manifest} == {("layer.tar",)}


def test_the_layer_holds_the_binary_and_its_names(program: Path) -> None:
    layer = unpack(docker_archive([StandInImage()], binary=program))["layer.tar"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert tar.getmember("bin/busybox").mode == 0o755
        assert tar.getmember("bin/sh").linkname == "busybox"
        assert tar.getmember("tmp").mode == 0o1777
    assert unpack(layer)["bin/busybox"] == STATIC


def test_the_same_arguments_give_the_same_bytes(program: Path) -> None:
    assert docker_archive([StandInImage()], binary=program) == docker_archive(
        [StandInImage()], binary=program
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read .*: No such file"),
        (b"#!/bin/sh\n", "is not a 64-bit program"),
        (b"", "is not a 64-bit program"),
        (bytes(DYNAMIC), "needs shared libraries"),
    ],
    ids=["missing", "script", "empty", "dynamic"],
)
def test_a_binary_that_cannot_run_alone_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    binary = tmp_path / "busybox"
    if content is not None:
        binary.write_bytes(content)
    with pytest.raises(PreconditionError, match=message) as caught:
        docker_archive([StandInImage()], binary=binary)
    assert caught.value.hint == "apt-get install busybox-static"


@pytest.mark.skipif(not BUSYBOX.exists(), reason="busybox-static is not installed")
def test_the_machines_busybox_will_do() -> None:
    assert len(docker_archive([StandInImage()])) > BUSYBOX.stat().st_size
