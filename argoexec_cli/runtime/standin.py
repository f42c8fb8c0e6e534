"""Tiny images made from a static busybox, for machines that cannot pull any.

The demo uses one when the registry is out of reach, and the test suite knows no other images. The
format is that of `docker save` (manifest.json beside a config and a layer), which every version of
Docker loads and containerd's importer understands.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from argoexec_cli.errors import PreconditionError

BUSYBOX = Path("/bin/busybox")
PAUSE_IMAGE = "argoexec/pause:1"
"""What a daemon makes of it for Docker, and never pulls: it holds the networks of pods."""
_MACHINES = {0x3E: "amd64", 0xB7: "arm64"}
_PT_INTERP = 3
_DIRECTORIES = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "proc": 0o755}
_DIRECTORIES |= {"root": 0o700, "sys": 0o755, "tmp": 0o1777, "var": 0o755}
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
# The commands that tasks and tests use. A name that a build of busybox lacks fails only when run.
_APPLETS = """
    [ ash awk base64 basename cat chgrp chmod chown cp cut date dd df dirname du echo egrep env expr
    false find free grep gunzip gzip head hostname id ip kill killall ln ls md5sum mkdir mkfifo
    mknod mktemp mount mv nc nproc nslookup od pidof ping printenv printf ps pwd readlink realpath
    rm rmdir sed seq sh sha256sum sleep sort stat stty sync tail tar tee test timeout top touch tr
    true truncate umount uname uniq usleep vi wc wget which whoami xargs yes
"""


class StandInImage(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an image and the defaults that its containers start with (Docker's words)."""

    name: str = "busybox:1.35"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ("sh",)
    env: tuple[str, ...] = ("PATH=/bin",)
    user: str = ""
    working_dir: str = ""


def docker_archive(images: Sequence[StandInImage], *, binary: Path = BUSYBOX) -> bytes:
    """Return a tarball for `docker load` with *images*, which share one layer made from *binary*.

    The same arguments give the same bytes, so loading twice changes nothing.
    Raises PreconditionError when *binary* is missing or needs libraries that the image lacks.
    """
    program = _load_static(binary)
    layer = _layer(program)
    files = {"layer.tar": layer}
    manifest: list[dict[str, Any]] = []
    for image in images:
        config = json.dumps(_config(image, layer, program), sort_keys=True).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        files[config_name] = config
        manifest.append({"Config": config_name, "RepoTags": [image.name], "Layers": ["layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            _add_file(tar, name, content, mode=0o644)
    return archive.getvalue()


def root_archive(binary: Path = BUSYBOX) -> bytes:
    """Return a tarball of these images' files; raises what `docker_archive` does.

    `docker import` takes it, and has half as much to do as with `docker load`.
    """
    return _layer(_load_static(binary))


def _load_static(binary: Path) -> bytes:
    hint = "apt-get install busybox-static"
    try:
        program = binary.read_bytes()
    except OSError as exc:
        raise PreconditionError(f"cannot read {binary}: {exc.strerror}", hint=hint) from exc
    if program[:6] != b"\x7fELF\x02\x01":
        raise PreconditionError(f"{binary} is not a 64-bit program for this machine", hint=hint)
    if _needs_loader(program):
        raise PreconditionError(
            f"{binary} needs shared libraries, so it runs in no image", hint=hint
        )
    return program


def _needs_loader(program: bytes) -> bool:
    """Tell whether the ELF program header names an interpreter, that is a dynamic loader."""
    (offset,) = struct.unpack_from("<Q", program, 0x20)
    size, count = struct.unpack_from("<HH", program, 0x36)
    return any(
        struct.unpack_from("<I", program, offset + index * size)[0] == _PT_INTERP
        for index in range(count)
    )


def _config(image: StandInImage, layer: bytes, program: bytes) -> dict[str, Any]:
    """Build the image's JSON: the fields of the OCI image configuration that we use."""
    (machine,) = struct.unpack_from("<H", program, 0x12)
    return {
        "architecture": _MACHINES.get(machine, "amd64"),
        "os": "linux",
        "config": {
            "Cmd": list(image.cmd) or None,
            "Entrypoint": list(image.entrypoint) or None,
            "Env": list(image.env),
            "User": image.user,
            "WorkingDir": image.working_dir,
        },
        "history": [{"created_by": "argoexec: busybox of this machine"}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }


def _layer(program: bytes) -> bytes:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, mode in _DIRECTORIES.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        _add_file(tar, "bin/busybox", program, mode=0o755)
        _add_file(tar, "etc/passwd", _USERS.encode(), mode=0o644)
        _add_file(tar, "etc/group", _GROUPS.encode(), mode=0o644)
        for applet in _APPLETS.split():
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return layer.getvalue()


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, *, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
