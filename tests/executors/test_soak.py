"""A short soak; `python -m tests.soak` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine
from tests.executors.soaking import Soak


@pytest.mark.docker
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_daemon_that_is_killed_loses_nothing(
    docker_engine: DockerEngine, short_tmp: Path
) -> None:
    result = await Soak(docker_engine, short_tmp, pods=30, seed=1).run(kills=4)
    assert result.kills == 4
    docker_engine.remove_containers()
