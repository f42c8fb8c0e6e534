"""The profile of containers; that the kernel enforces it is seen by `make test-vm`."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path

import pytest

from argoexec_cli.runtime.containerd import apparmor


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the files of a host with AppArmor, whose parser is missing."""
    (tmp_path / "enabled").write_text("Y\n")
    monkeypatch.setattr(apparmor, "_ENABLED", tmp_path / "enabled")
    monkeypatch.setattr(apparmor, "_LOADED", tmp_path / "profiles")
    monkeypatch.setattr(apparmor, "_PATH", str(tmp_path))
    return tmp_path


def parser(host: Path, script: str) -> None:
    """Give the host a parser."""
    path = host / "apparmor_parser"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_it_is_loaded_where_apparmor_is_in_use(host: Path) -> None:
    parser(host, f"cat > {host}/given")
    assert await apparmor.load_profile() == "argoexec-default"
    assert "profile argoexec-default" in (host / "given").read_text()
    (host / "enabled").write_text("N\n")
    assert await apparmor.load_profile() == ""


async def test_without_a_parser_the_log_says_so(
    host: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await apparmor.load_profile() == ""
    assert "apt install apparmor" in caplog.text


async def test_a_daemon_that_may_not_load_it_uses_the_one_that_is_there(
    host: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parser(host, "echo 'You need root privileges.' >&2; exit 1")
    assert await apparmor.load_profile() == ""
    assert "You need root privileges." in caplog.text
    (host / "profiles").write_text("docker-default (enforce)\nargoexec-default (enforce)\n")
    assert await apparmor.load_profile() == "argoexec-default"


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="no apparmor_parser")
def test_the_real_parser_understands_it() -> None:
    argv = ["apparmor_parser", "--skip-kernel-load", "--skip-cache"]
    done = subprocess.run(argv, input=apparmor._TEXT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
