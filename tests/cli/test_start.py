"""What a daemon's start leaves out: modules that it does not use, and programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine

# Tells on stderr of each module whose code is run, and of each program that is started.
_PROGRAM = """
import sys

def heard(event, given):
    if event == "exec" and given[0].co_name == "<module>":
        print("ran", given[0].co_filename, file=sys.stderr)
    elif event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
        print("started", given[0], file=sys.stderr)

sys.addaudithook(heard)
from argoexec_cli.cli.main import main
main()
"""
_UNUSED = (
    "asyncio/sslproto.py",
    "attr/validators.py",
    "csv.py",
    "dataclasses.py",
    "google/protobuf/internal/python_message.py",
    "idna/core.py",
    "importlib/metadata/__init__.py",
    "importlib/resources/__init__.py",
    "rich/__init__.py",
    "typer/__init__.py",
)


def _told(directory: Path, *flags: str, docker_host: str = "") -> list[str]:
    """Return what is told until the daemon is ready; it is stopped then."""
    place = ["--data-dir", str(directory / "data"), "--socket", str(directory / "s.sock")]
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "serve", *place, *flags],
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "DOCKER_HOST": docker_host},
    ) as daemon:
        assert daemon.stderr is not None
        told = []
        for line in daemon.stderr:
            told.append(line.strip())
            if line.startswith("serving on "):
                break
        daemon.terminate()
        daemon.stderr.read()
    assert told[-1].startswith("serving on "), told[-5:]
    return told


def _check(told: list[str]) -> None:
    assert any(line.endswith("argoexec_cli/daemon/server.py") for line in told)
    assert not [line for line in told if line.endswith(tuple(f"/{name}" for name in _UNUSED))]
    assert not [line for line in told if line.startswith("started ")]


def test_a_daemon_loads_nothing_that_it_does_not_need_to_start(short_tmp: Path) -> None:
    _check(_told(short_tmp, "--runtime", "fake"))


@pytest.mark.docker
def test_nor_does_one_on_docker(docker_engine: DockerEngine, short_tmp: Path) -> None:
    told = _told(short_tmp, "--runtime", "docker", docker_host=docker_engine.url)
    _check(told)
    assert any(line.endswith("/aiodocker/__init__.py") for line in told)
