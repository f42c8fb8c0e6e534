"""`argoexec demo` on a real engine: goes the whole way, twice, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.engines.docker import DockerEngine

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(180),
]
STEPS = [
    "Find a container engine",
    "Have the image busybox:1.36",
    "Start a daemon",
    "Register it as the default executor",
    "Submit the echo workflow and follow its log",
    "Look at it",
    "Delete the run",
    "Stop the daemon",
    "Clean up",
    "Done: nothing of it is left",
]


@pytest.fixture
def demo(short_tmp: Path, docker_engine: DockerEngine) -> Cli:
    """Give a command line for which the suite's engine is the engine."""
    cli = Cli(short_tmp, "")
    cli.environment |= {"DOCKER_HOST": docker_engine.url, "TMPDIR": str(short_tmp)}
    cli.environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    return cli


def left_over(engine: DockerEngine, home: Path) -> tuple[list[str], list[str]]:
    """Return the names of our containers that are there, and of directories of the demo."""
    found = engine.api.call_json("GET", "/containers/json?all=1")
    names = [name for one in found for name in one["Names"] if "argoexec" in name]
    return names, [path.name for path in home.iterdir() if path.name.startswith("argoexec-")]


def image_names(engine: DockerEngine) -> set[str]:
    """Return the tags of the images that the engine has."""
    found = engine.api.call_json("GET", "/images/json")
    return {name for one in found for name in one["RepoTags"] or []}


def test_the_whole_chain_twice(demo: Cli, docker_engine: DockerEngine) -> None:
    docker_engine.remove_containers()
    if (pause := "argoexec/pause:1") in image_names(docker_engine):
        docker_engine.api.remove_image(pause)
    before = image_names(docker_engine)
    for _ in range(2):
        child = demo.start("demo", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = (stream.decode() for stream in child.communicate(timeout=90))
        assert child.returncode == 0, err
        steps = [line.removeprefix("==> ") for line in err.splitlines() if "==> " in line]
        assert steps == STEPS
        assert out.startswith("hello\n")
        assert "Status:" in out
        assert "$ argoexec submit echo.yaml --log" in err
        assert left_over(docker_engine, demo.home) == ([], [])
        assert image_names(docker_engine) == before


def test_ctrl_c_cleans_up_too(demo: Cli, docker_engine: DockerEngine) -> None:
    child = demo.start("demo", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = []
    for line in child.stderr:
        said.append(line.decode())
        if line.startswith(b"==> Submit"):
            child.send_signal(signal.SIGINT)
    child.stderr.close()
    assert child.wait(timeout=90) == 130, said
    assert "==> Stop the daemon\n" in said
    assert left_over(docker_engine, demo.home) == ([], [])
