"""The root file system of the lab's machines: Debian, as cloud images have it, made once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.lab import surroundings
from tests.lab.cache import cached

PROGRAMS = ("debootstrap", "systemd-nspawn", "slirp4netns", "ip", "ssh", "ssh-keygen", "unshare")
USER = "admin"
"""Who may log in, as on Debian's images for EC2."""

_PACKAGES: Final = """
    systemd systemd-sysv dbus udev kmod iproute2 ifupdown isc-dhcp-client ca-certificates gnupg
    openssh-server sudo python3 python3-apt iptables procps
"""
_MORE_PACKAGES: Final = ("cloud-init",)  # what debootstrap itself cannot configure: it lacks /proc
_CLOUD: Final = """\
datasource_list: [ Ec2, None ]
datasource:
  Ec2:
    metadata_urls: [ "http://169.254.169.254" ]
    max_wait: 30
    timeout: 5
    strict_id: false  # a container has no DMI data to be recognised by
    apply_full_imds_network_config: false
network: {config: disabled}
apt_preserve_sources_list: true
locale: C.UTF-8
system_info:
  default_user: {name: admin, sudo: ["ALL=(ALL) NOPASSWD:ALL"], shell: /bin/bash}
"""
_CGROUPS: Final = r"""[Unit]
Description=Let container engines make control groups
ConditionVirtualization=systemd-nspawn
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '\
  for m in /sys/fs/cgroup/*; do mountpoint -q $m && mount -o remount,rw,bind $m || true; done'
[Install]
WantedBy=sysinit.target
"""
_FILES: Final = {
    "etc/cloud/cloud.cfg.d/90-lab.cfg": _CLOUD,
    "etc/systemd/system/lab-cgroups.service": _CGROUPS,
    "etc/systemd/network/20-wired.network": "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n",
    "etc/sudoers.d/90-lab": f"{USER} ALL=(ALL) NOPASSWD:ALL\n",
    "etc/hostname": "lab\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/ssh/sshd_config.d/90-lab.conf": "PasswordAuthentication no\nUseDNS no\n",
}
_OFF: Final = "systemd-networkd-wait-online apt-daily.timer apt-daily-upgrade.timer e2scrub_reap"
_INSTALL: Final = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", "-y")
_ON: Final = "systemd-networkd ssh lab-cgroups"


def root_fs() -> Path:
    """Return the directory with the file system; nobody may write there.

    Takes a minute and a package mirror at the first call, and whenever the recipe has changed.
    """
    recipe = (
        _PACKAGES,
        _MORE_PACKAGES,
        _FILES,
        _ON,
        _OFF,
        surroundings.mirrors(),
        surroundings.release(),
        1,
    )
    return cached("rootfs", recipe, _make) / "root"


def _make(directory: Path) -> None:
    root = directory / "root"
    mirrors = surroundings.mirrors()
    main = next(each for each in mirrors if each.release == surroundings.release())
    include = ",".join(_PACKAGES.split())
    run("debootstrap", "--variant=minbase", f"--include={include}", main.release, root, main.uri)
    for path, text in _FILES.items():
        put(root, path, text.encode())
    put(root, "etc/apt/sources.list", "".join(f"{each}\n" for each in mirrors).encode())
    for path, content in surroundings.files().items():
        put(root, path, content)
    (root / "etc/sudoers.d/90-lab").chmod(0o440)
    run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
    install(root, *_MORE_PACKAGES)
    with _proc(root):
        run("chroot", root, "systemctl", "enable", *_ON.split())
        run("chroot", root, "systemctl", "mask", *_OFF.split())


def install(root: Path, *packages: str) -> None:
    """Install *packages* of the distribution in a file system that no machine runs from."""
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    with _proc(root):
        run("chroot", root, "apt-get", "update", "-qq")
        run("chroot", root, *_INSTALL, "--no-install-recommends", *packages)
    _forget_identity(root)


def put(root: Path, path: str, content: bytes) -> None:
    """Write a file below *root*, with its directories."""
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _forget_identity(root: Path) -> None:
    """Leave nothing in it that every machine has for itself, and the address of slirp's DNS."""
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    put(root, "etc/machine-id", b"")
    put(root, "etc/resolv.conf", b"nameserver 10.0.2.3\n")


@contextmanager
def _proc(root: Path) -> Iterator[None]:
    run("mount", "-t", "proc", "proc", root / "proc")
    try:
        yield
    finally:
        run("umount", root / "proc")


def run(*argv: str | Path) -> None:
    """Run a program; AssertionError, with what it said, when it fails."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{argv[0]}: {(done.stdout + done.stderr).strip()[-2000:]}")
