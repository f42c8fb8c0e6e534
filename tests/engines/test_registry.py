"""The private registries serve images to a real engine, and refuse who may not have them."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import images, kernel, registry
from tests.engines.docker import DockerEngine
from tests.engines.registry import Registry

pytestmark = pytest.mark.docker


def test_an_image_goes_through_the_open_registry(
    docker_engine: DockerEngine, open_registry: Registry
) -> None:
    name = f"{open_registry.host}/open/busybox:1"
    docker_engine.api.push(images.BUSYBOX.name, name)
    docker_engine.api.remove_image(name)
    docker_engine.api.pull(name)
    assert docker_engine.api.call_json("GET", f"/images/{name}/json")["RepoTags"].count(name) == 1


def test_the_private_registry_wants_the_right_password(
    docker_engine: DockerEngine, private_registry: Registry
) -> None:
    name = f"{private_registry.host}/private/busybox:1"
    docker_engine.api.push(images.BUSYBOX.name, name, login=registry.LOGIN)
    docker_engine.api.remove_image(name)
    with pytest.raises(AssertionError, match="no basic auth credentials"):
        docker_engine.api.pull(name)
    with pytest.raises(AssertionError, match="unauthorized"):
        docker_engine.api.pull(name, login=("argoexec", "wrong"))
    docker_engine.api.pull(name, login=registry.LOGIN)


def test_a_stopped_registry_refuses_connections_and_comes_back_with_its_images(
    docker_engine: DockerEngine,
) -> None:
    with Registry() as own:
        name = f"{own.host}/own/busybox:1"
        docker_engine.api.push(images.BUSYBOX.name, name)
        docker_engine.api.remove_image(name)
        own.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", own.port), timeout=5)
        with pytest.raises(AssertionError, match="connection refused"):
            docker_engine.api.pull(name)
        own.start()
        docker_engine.api.pull(name)


def test_what_a_killed_run_left_is_removed_by_the_next() -> None:
    program = (
        "from tests.engines.registry import Registry\n"
        "registry = Registry().__enter__()\n"
        "print(registry._directory, flush=True)\n"
        "input()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    directory = Path(run.stdout.readline().decode().strip())
    assert kernel.processes_naming(directory)
    run.kill()
    run.communicate()
    # Another test run may be quicker to do this, and is then waited for.
    Registry().close()
    assert not directory.exists()
    assert not kernel.processes_naming(directory)
