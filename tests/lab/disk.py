"""The disk of the lab's virtual machines, and the kernel that they start with; made once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, NamedTuple

from tests.lab.cache import cached
from tests.lab.rootfs import install, put, root_fs, run

# The kernel of Debian's own images for EC2. AppArmor's programs are left to the product's roles.
_PACKAGES: Final = ("linux-image-cloud-amd64", "initramfs-tools")
_SIZE: Final = "8G"
_INODES: Final = "300000"
_FILES: Final = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 0\n",
    "etc/cloud/cloud.cfg.d/91-vm.cfg": "manage_etc_hosts: localhost\n",
    # The kernel is started with the files here: to make new ones takes minutes and changes nothing.
    "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\n",
    "etc/dpkg/dpkg.cfg.d/90-lab": "force-unsafe-io\n",
}


class Image(NamedTuple):
    """Files that nobody may write: a machine gets a copy of `disk`."""

    kernel: Path
    initrd: Path
    disk: Path


def image() -> Image:
    """Return the files; the first call takes a minute more than the root file system."""
    recipe = (root_fs().parent.name, _PACKAGES, _SIZE, _INODES, _FILES, 1)
    directory = cached("vm", recipe, _make)
    return Image(directory / "vmlinuz", directory / "initrd.img", directory / "disk")


def _make(directory: Path) -> None:
    root = directory / "root"
    run("cp", "-a", root_fs(), root)
    install(root, *_PACKAGES)
    for path, text in _FILES.items():
        put(root, path, text.encode())
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy((root / name).resolve(), directory / name)
    disk = directory / "disk"
    run("mke2fs", "-q", "-t", "ext4", "-N", _INODES, "-d", root, disk, _SIZE)
    shutil.rmtree(root)
