"""Which engine a daemon takes: what it is told, what it took before, what answers."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from argoexec_cli.cli.engines import Choice, Engines, ask_containerd
from argoexec_cli.errors import PreconditionError, UnavailableError
from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.runtime.fake.runtime import open_fake
from tests.cli.conftest import Cli
from tests.engines import images
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine
from tests.executors.local.opening import fast_settings
from tests.executors.pods import request, running

NOBODY = "unix:///nobody.sock"
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: first}}
spec:
  containers:
  - {{name: main, image: {images.BUSYBOX.name}, command: [sh, -c, "echo $HOSTNAME; hostname"]}}
"""


def engines(
    data_dir: Path, choice: Choice = "auto", *, docker: str = NOBODY, containerd: str = NOBODY
) -> Engines:
    return Engines(data_dir=data_dir, choice=choice, docker_host=docker, containerd_host=containerd)


async def opened(engines: Engines) -> str:
    """Return the name of the runtime that is opened, and works."""
    async with engines.open("owner") as runtime:
        assert await runtime.list() == []
    # Docker's connections that are cut off so soon close a few rounds of the loop later.
    await asyncio.sleep(0.05)
    return runtime.capabilities.name


async def test_what_was_not_opened_or_runs_nothing_is_no_choice(tmp_path: Path) -> None:
    assert await opened(engines(tmp_path, "fake")) == "fake"
    choices: tuple[Choice, ...] = ("auto", "docker")
    for choice in choices:
        with pytest.raises(UnavailableError, match="Docker Engine"):
            await opened(engines(tmp_path, choice))
    with pytest.raises(UnavailableError, match="no such socket"):
        await opened(engines(tmp_path, "containerd"))
    assert "runtime" not in os.listdir(tmp_path)


@pytest.mark.docker
@pytest.mark.containerd
async def test_auto_takes_docker_first_and_stays_with_what_it_took(
    docker_engine: DockerEngine, containerd_engine: ContainerdEngine, tmp_path: Path
) -> None:
    docker, containerd = docker_engine.url, containerd_engine.url
    first, second = tmp_path / "1", tmp_path / "2"
    for directory in (first, second):
        directory.mkdir()
    assert await opened(engines(first, docker=docker, containerd=containerd)) == "docker"
    with pytest.raises(UnavailableError, match="Docker Engine"):
        await opened(engines(first, containerd=containerd))
    assert await opened(engines(second, containerd=containerd)) == "containerd"
    assert await opened(engines(second, docker=docker, containerd=containerd)) == "containerd"
    assert (second / "containerd" / "owner").is_dir()
    assert await opened(engines(second, "docker", docker=docker)) == "docker"
    assert await opened(engines(second, docker=docker, containerd=containerd)) == "docker"


async def test_another_runtime_is_refused_while_pods_are_in_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "runtime").write_text("docker\n")
    assert await opened(engines(tmp_path, "fake")) == "fake"
    settings = fast_settings(tmp_path)
    async with open_local(settings, open_fake) as executor:
        ref = (await executor.run_pod(request("sleep 600"))).ref
        await running(executor, ref)
    with pytest.raises(PreconditionError, match="was used with docker, and a pod of it is") as told:
        await opened(engines(tmp_path, "fake"))
    assert told.value.hint.startswith("serve with --runtime docker as before, and delete them;")
    assert (tmp_path / "runtime").read_text() == "docker\n"


@pytest.mark.docker
async def test_another_engine_is_refused_while_pods_are_in_the_one_before(
    docker_engine: DockerEngine, short_tmp: Path
) -> None:
    async with open_local(fast_settings(short_tmp), open_fake) as executor:
        await running(executor, (await executor.run_pod(request("sleep 600"))).ref)
    assert await opened(engines(short_tmp, "docker", docker=docker_engine.url)) == "docker"
    link = short_tmp / "link.sock"
    link.symlink_to(docker_engine.socket_path)
    assert await opened(engines(short_tmp, "docker", docker=f"unix://{link}")) == "docker"
    where = f"was used with docker at {docker_engine.url}, and a pod of it is there yet"
    with pytest.raises(PreconditionError, match=where):
        await opened(engines(short_tmp, "docker"))


@pytest.mark.containerd
async def test_an_engine_that_somebody_named_is_not_replaced(
    containerd_engine: ContainerdEngine, tmp_path: Path
) -> None:
    plan = engines(tmp_path, containerd=containerd_engine.url)
    with pytest.raises(UnavailableError, match="Docker Engine"):
        await opened(plan._replace(wants_docker=True))
    assert await opened(plan) == "containerd"


@pytest.mark.containerd
async def test_a_containerd_without_a_network_for_pods_will_not_do(
    containerd_engine: ContainerdEngine, tmp_path: Path
) -> None:
    network = containerd_engine.directory / "net.d" / "10-bridge.conflist"
    content = network.read_text()
    network.unlink()
    try:
        with pytest.raises(PreconditionError, match="no network for pods"):
            async with asyncio.timeout(30):
                while True:  # it looks at the directory in its own time
                    await ask_containerd(containerd_engine.url)
        with pytest.raises(UnavailableError, match="Docker Engine"):
            await opened(engines(tmp_path, containerd=containerd_engine.url))
    finally:
        network.write_text(content)
        await asyncio.to_thread(containerd_engine.restart)
    assert "containerd" in await ask_containerd(containerd_engine.url)


@pytest.mark.containerd
def test_a_daemon_serves_on_containerd(
    containerd_engine: ContainerdEngine, short_tmp: Path
) -> None:
    """The whole way: `serve`, a pod, its log, a new daemon, `doctor`."""
    cli = Cli(short_tmp, f"unix://{short_tmp}/s.sock")
    cli.environment["CONTAINER_RUNTIME_ENDPOINT"] = containerd_engine.url
    cli.environment["DOCKER_HOST"] = ""
    flags = ["--data-dir", f"{short_tmp}/data", "--socket", f"{short_tmp}/s.sock"]
    serve = ["serve", *flags, "--runtime", "containerd"]
    try:
        assert cli.start(*serve, "--detach").wait(60) == 0
        outcome = cli("submit", "-", "--wait", stdin=POD)
        assert outcome.code == 0, outcome.err
        assert cli("logs", "first").out == "first\nfirst\n"
        assert cli.start("serve", *flags, "--stop").wait(60) == 0
        assert cli.start(*serve, "--detach").wait(60) == 0
        assert cli("logs", "first").out == "first\nfirst\n"
        found = {each["check"]: each for each in json.loads(cli("doctor", "-o", "json").out)}
        assert found["containerd"]["state"] == "ok"
        assert found["docker"]["state"] in ("ok", "note")
        assert "runtime containerd" in found["daemon"]["found"]
    finally:
        cli.start("serve", *flags, "--stop").wait(60)
        containerd_engine.remove_containers()
