"""The disk of the lab's virtual machines, and the kernel that they start with; made once.

The disk is its own package mirror, with what the product's roles install and no more, and nothing
in it is compressed: to unpack Docker takes a translated processor minutes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from tests.lab.cache import cached
from tests.lab.rootfs import install, put, root_fs, run

# The kernel of Debian's own images for EC2. AppArmor's programs are left to the product's roles.
_PACKAGES: Final = ("linux-image-cloud-amd64", "initramfs-tools")
# What the roles install, or may install.
_MIRRORED: Final = (
    *("docker.io", "containerd", "runc", "crun", "containernetworking-plugins", "apparmor"),
    *("python3-venv", "ca-certificates", "nftables", "iptables", "busybox-static"),
)
_MIRROR: Final = "srv/packages"
_SIZE: Final = "8G"
_INODES: Final = "300000"
_FILES: Final = {
    "etc/fstab": "/dev/vda / ext4 defaults 0 0\n",
    "etc/cloud/cloud.cfg.d/91-vm.cfg": "manage_etc_hosts: localhost\n",
    # The kernel is started with the files here: to make new ones takes minutes and changes nothing.
    "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\n",
    "etc/dpkg/dpkg.cfg.d/90-lab": "force-unsafe-io\n",
    "etc/apt/sources.list": f"deb [trusted=yes] file:/{_MIRROR} ./\n",
}


class Image(NamedTuple):
    """Files that nobody may write: a machine gets a copy of `disk`."""

    kernel: Path
    initrd: Path
    disk: Path


def image() -> Image:
    """Return the files; the first call takes a minute more than the root file system."""
    recipe = (root_fs().parent.name, _PACKAGES, _MIRRORED, _SIZE, _INODES, _FILES, 3)
    directory = cached("vm", recipe, _make)
    return Image(directory / "vmlinuz", directory / "initrd.img", directory / "disk")


def _mirror(root: Path) -> None:
    """Lay the packages in, with all that they need, and an index; forget the other mirrors."""
    archives, mirror = root / "var/cache/apt/archives", root / _MIRROR
    mirror.mkdir(parents=True)
    wanted = ("install", "-qq", "-y", "--no-install-recommends", "--download-only", *_MIRRORED)
    run("chroot", root, "apt-get", *wanted)
    entries = []
    for archive in sorted(archives.glob("*.deb")):
        content, package = mirror / "content", mirror / archive.name
        run("dpkg-deb", "-R", archive, content)
        run("dpkg-deb", "-b", "-Znone", content, package)
        shutil.rmtree(content)
        archive.unlink()
        entries.append(_entry(package))
    (mirror / "Packages").write_text("\n".join(entries))
    lists = root / "var/lib/apt/lists"
    shutil.rmtree(lists)
    lists.mkdir()  # apt-get would make it, Python's apt does not


def _entry(package: Path) -> str:
    """Return what an index says of a package."""
    argv = ["dpkg-deb", "--field", str(package)]
    control = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    data = package.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return f"{control}Filename: ./{package.name}\nSize: {len(data)}\nSHA256: {digest}\n"


def _make(directory: Path) -> None:
    root = directory / "root"
    run("cp", "-a", root_fs(), root)
    install(root, *_PACKAGES)
    _mirror(root)
    for path, text in _FILES.items():
        put(root, path, text.encode())
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy((root / name).resolve(), directory / name)
    disk = directory / "disk"
    run("mke2fs", "-q", "-t", "ext4", "-N", _INODES, "-d", root, disk, _SIZE)
    shutil.rmtree(root)
