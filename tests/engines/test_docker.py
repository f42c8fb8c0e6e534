"""The private engine really runs containers, survives what tests do to it, and leaves no trace."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from argoexec_cli.runtime.standin import StandInImage
from tests.engines import claim, docker, images, kernel
from tests.engines.availability import need
from tests.engines.docker import DockerEngine
from tests.processes import runs

pytestmark = pytest.mark.docker


@pytest.fixture
def own_engine(pytestconfig: pytest.Config) -> Iterator[DockerEngine]:
    """An engine of this test's own, to be broken."""
    need(pytestconfig, *docker.PROGRAMS)
    with DockerEngine() as engine:
        yield engine


def create(engine: DockerEngine, image: str, *cmd: str) -> str:
    """Create and start a container, return its id."""
    body = {"Image": image, "Cmd": list(cmd) or None, "HostConfig": {"NetworkMode": "bridge"}}
    container: str = engine.api.call_json("POST", "/containers/create", body)["Id"]
    engine.api.call("POST", f"/containers/{container}/start")
    return container


def finish(engine: DockerEngine, container: str) -> tuple[int, str]:
    """Wait for a container, remove it, return its exit code and its (short) output."""
    status = engine.api.call_json("POST", f"/containers/{container}/wait")["StatusCode"]
    log = engine.api.call("GET", f"/containers/{container}/logs?stdout=1")
    engine.api.remove_container(container)
    return status, log[8:].decode()


def test_runs_a_container_from_the_stand_in_image(docker_engine: DockerEngine) -> None:
    container = create(docker_engine, images.BUSYBOX.name, "sh", "-c", "echo hi; exit 7")
    assert finish(docker_engine, container) == (7, "hi\n")


@pytest.mark.parametrize(
    ("image", "cmd", "output"),
    [
        (images.ENTRYPOINT, (), "entrypoint cmd\n"),
        (images.ENTRYPOINT, ("mine",), "entrypoint mine\n"),
        (images.USER, (), "65534\n"),
        (images.NAMED_USER, (), "65534\n"),
    ],
    ids=["entrypoint-cmd", "entrypoint-args", "numeric-user", "named-user"],
)
def test_defaults_of_the_images_take_effect(
    docker_engine: DockerEngine, image: StandInImage, cmd: tuple[str, ...], output: str
) -> None:
    assert finish(docker_engine, create(docker_engine, image.name, *cmd)) == (0, output)


def test_container_has_an_address_of_the_engines_own_bridge(docker_engine: DockerEngine) -> None:
    container = create(docker_engine, images.BUSYBOX.name, "sh", "-c", "ip addr show eth0")
    status = docker_engine.api.call_json("POST", f"/containers/{container}/wait")
    log = docker_engine.api.call("GET", f"/containers/{container}/logs?stdout=1").decode()
    docker_engine.api.remove_container(container)
    assert status["StatusCode"] == 0
    assert IPv4Interface(log.partition("inet ")[2].split()[0]).network == docker_engine.subnet


async def test_containers_go_on_while_dockerd_is_restarted_and_killed(
    own_engine: DockerEngine,
) -> None:
    container = create(own_engine, images.BUSYBOX.name, "sh", "-c", "trap 'exit 5' TERM; sleep 600")
    before = own_engine.pid
    await asyncio.to_thread(own_engine.restart)
    assert own_engine.pid != before
    own_engine.kill9()
    assert not own_engine.api.answers()
    await asyncio.to_thread(own_engine.start)
    state = own_engine.api.call_json("GET", f"/containers/{container}/json")["State"]
    assert state["Status"] == "running"
    assert runs(state["Pid"])
    own_engine.api.call("POST", f"/containers/{container}/kill")
    assert finish(own_engine, container) == (137, "")


@pytest.mark.parametrize("crashed", [False, True], ids=["running", "crashed"])
def test_close_leaves_no_trace(own_engine: DockerEngine, crashed: bool) -> None:
    rules = _iptables(own_engine)
    container = create(own_engine, images.BUSYBOX.name, "sleep", "600")
    pid = own_engine.api.call_json("GET", f"/containers/{container}/json")["State"]["Pid"]
    assert kernel.mounts_below(own_engine.directory)
    assert kernel.cgroups_of(own_engine.bridge)
    if crashed:
        own_engine.kill9()
    own_engine.close()
    assert _traces(own_engine) == []
    assert not runs(pid)
    assert _iptables(own_engine) == rules


def test_engines_run_side_by_side(own_engine: DockerEngine, docker_engine: DockerEngine) -> None:
    assert own_engine.bridge != docker_engine.bridge
    container = create(own_engine, images.BUSYBOX.name, "true")
    assert container not in docker_engine.api.containers()
    assert finish(own_engine, container) == (0, "")


def test_engine_of_a_killed_test_run_is_swept(pytestconfig: pytest.Config) -> None:
    need(pytestconfig, *docker.PROGRAMS)
    code = (
        "from tests.engines.docker import DockerEngine; import signal\n"
        "with DockerEngine() as engine: print(engine.bridge, flush=True); signal.pause()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    directory = Path("/tmp") / child.stdout.readline().strip()
    child.stdout.close()
    assert kernel.processes_naming(directory)
    child.send_signal(signal.SIGKILL)
    child.wait()
    claim.sweep()
    assert not directory.exists()
    assert not kernel.processes_naming(directory)


def _traces(engine: DockerEngine) -> list[str]:
    places = [engine.directory, Path("/sys/class/net") / engine.bridge]
    left = [str(place) for place in places if place.exists()]
    left += kernel.mounts_below(engine.directory)
    left += map(str, kernel.cgroups_of(engine.bridge))
    return left + [str(pid) for pid in kernel.processes_naming(engine.directory)]


def _iptables(engine: DockerEngine) -> list[str]:
    saved = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    rules = [line for line in saved.splitlines() if line.startswith("-A")]
    return [line for line in rules if re.search(rf"\b{engine.bridge}\b", line)]
