"""The dead-man's switch: the script of the module's user data, run as it is."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from argoexec_cli.compute.terraform.module import find_module


@pytest.fixture
def user_data() -> str:
    """Return what a host gets, with a lease of an hour."""
    template = (find_module() / "files" / "lease.sh.tftpl").read_text()
    return template.replace("${lease_seconds}", "3600").replace("$${", "${")


class Lease:
    """A host's lease in a directory."""

    def __init__(self, place: Path, user_data: str) -> None:
        """Take the script out of *user_data*."""
        match = re.search(r"<<'SCRIPT'\n(.*?)\nSCRIPT\n", user_data, re.DOTALL)
        assert match
        self.script = place / "argoexec-lease"
        self.script.write_text(match[1] + "\n")
        self.renewed = place / "renewed"
        self.length, self.uptime = place / "lease-seconds", place / "uptime"
        self.length.write_text("3600\n")
        self.uptime.write_text("999999.00 1.00\n")

    def run(self, command: str) -> str:
        """Run one of its commands, with another way to the end of the host."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "ARGOEXEC_LEASE_FILE": str(self.renewed),
            "ARGOEXEC_LEASE_LENGTH": str(self.length),
            "ARGOEXEC_LEASE_UPTIME": str(self.uptime),
            "ARGOEXEC_LEASE_END": "echo THE END",
        }
        done = subprocess.run(
            ["sh", self.script, command], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def age(self, seconds: float) -> None:
        """Have it been renewed so long ago."""
        then = time.time() - seconds
        self.renewed.touch()
        os.utime(self.renewed, (then, then))

    def ends(self) -> bool:
        """Whether the host would end itself."""
        return "THE END" in self.run("check")


@pytest.fixture
def lease(tmp_path: Path, user_data: str) -> Lease:
    """Give a lease of an hour on a host that has been up for days."""
    return Lease(tmp_path, user_data)


def test_a_lease_that_runs_keeps_the_host(lease: Lease) -> None:
    lease.age(3500)
    assert not lease.ends()


def test_a_lease_that_ran_out_ends_the_host_until_it_is_renewed(lease: Lease) -> None:
    lease.age(3700)
    assert lease.ends()
    lease.run("renew")
    assert not lease.ends()
    assert 3500 < int(lease.run("left")) <= 3600


def test_a_lease_counts_from_the_boot_of_a_host_that_was_stopped(lease: Lease) -> None:
    lease.age(90_000)
    lease.uptime.write_text("60.00 1.00\n")
    assert not lease.ends()
    lease.uptime.write_text("3601.00 1.00\n")
    assert lease.ends()


def test_a_clock_that_was_ahead_does_not_prolong_it_for_ever(lease: Lease) -> None:
    lease.age(-500_000)
    assert not lease.ends()
    assert lease.renewed.stat().st_mtime <= time.time() + 5


@pytest.mark.parametrize("length", ["0\n", "", "rubbish\n"])
def test_without_a_length_it_never_ends(lease: Lease, length: str) -> None:
    lease.age(999_999)
    lease.length.write_text(length)
    assert not lease.ends()
    assert lease.run("left") == "never\n"


def test_a_missing_renewal_is_made_now(lease: Lease) -> None:
    assert not lease.ends()
    assert lease.renewed.exists()


def test_a_shell_of_any_distribution_reads_it(user_data: str, tmp_path: Path) -> None:
    assert user_data.startswith("#cloud-boothook\n#!/bin/sh\n")
    script = tmp_path / "user-data"
    script.write_text(user_data)
    assert subprocess.run(["sh", "-n", script], capture_output=True).returncode == 0
    assert len(user_data.encode()) < 16_384  # EC2's limit
