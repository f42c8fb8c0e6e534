"""`argoexec conform`: the shipped cases on the daemon, and on engines of this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_demo import image_names, left_over
from tests.engines.containerd import ContainerdEngine
from tests.engines.docker import DockerEngine


def test_the_daemon_s_executor_keeps_the_contract(cli: Cli) -> None:
    done = cli("conform", "-l", "refusals", "-l", "a-directory-of-the-host", "-l", "an-output-in*")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["CASE", "FAKE", "WHY"]
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert rows["a-misspelt-field"] == "ok"
    assert rows["a-directory-of-the-host"].split("   ")[0] == "not supported"
    assert "ok" in done.err.splitlines()[-1]


def test_data_says_why(cli: Cli) -> None:
    done = cli("conform", "-l", "a-capability-that-policy-grants", "-o", "json")
    (row,) = json.loads(done.out)
    assert (row["runtime"], row["topic"], row["state"]) == ("fake", "security", "not supported")
    assert row["why"] == ["needs processes"]


def test_cases_are_listed_and_run_nowhere(alone: Cli) -> None:
    assert alone("conform", "--list", "-l", "a-misspelt*", "-o", "name").out == "a-misspelt-field\n"
    assert alone("conform", "--list", "-l", "stop").out.splitlines()[1].split()[0] == "stop"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-l", "nonsense"], 3, "no case is called 'nonsense'"),
        (["--runtime", "podman"], 2, "'podman' is not a runtime"),
        ([], 5, "no daemon answers"),
    ],
)
def test_what_cannot_be_run_is_told(alone: Cli, arguments: list[str], code: int, told: str) -> None:
    done = alone("conform", *arguments)
    assert done.code == code
    assert told in done.err
    assert done.out == ""


def test_an_image_that_is_nowhere_is_told_once(cli: Cli) -> None:
    done = cli("conform", "-l", "messages", "--image", "missing:1")
    assert done.code == 2
    assert "a pod with the image missing:1 does not run there: " in done.err
    assert "hint: name another small image" in done.err


@pytest.mark.docker
@pytest.mark.containerd
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_runtimes_side_by_side(
    short_tmp: Path, docker_engine: DockerEngine, containerd_engine: ContainerdEngine
) -> None:
    docker_engine.remove_containers()
    containerd_engine.remove_containers()
    before = image_names(docker_engine), containerd_engine.ctr("images", "list", "--quiet")
    cli = Cli(short_tmp, "")
    cli.environment |= {
        "DOCKER_HOST": docker_engine.url,
        "CONTAINER_RUNTIME_ENDPOINT": containerd_engine.url,
        "TMPDIR": str(short_tmp),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    runtimes = ["fake", "docker", "containerd"]
    patterns = ("-l", "messages", "-l", "restarts", "-l", "a-directory-of-the-host")
    where = [word for runtime in runtimes for word in ("--runtime", runtime)]
    done = cli("conform", *where, *patterns)
    assert done.code == 0, done
    header, *lines = done.out.splitlines()
    assert header.split() == ["CASE", "FAKE", "DOCKER", "CONTAINERD", "WHY"]
    rows = {line.split()[0]: re.split(r"\s{2,}", line)[1:] for line in lines}
    assert {tuple(cells[1:3]) for cells in rows.values()} == {("ok", "ok")}
    assert rows["a-pod-outlives-a-restart-of-the-executor"][0] == "skipped"
    assert left_over(docker_engine, short_tmp) == ([], [])
    assert containerd_engine.ctr("containers", "list", "--quiet") == ""
    assert before == (
        image_names(docker_engine),
        containerd_engine.ctr("images", "list", "--quiet"),
    )
