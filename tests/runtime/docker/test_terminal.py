"""The log of a terminal, which the engine's API gives in a form of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.executors.local.manager import open_local
from argoexec_cli.models.base import decode
from argoexec_cli.models.pod import PodSpec
from argoexec_cli.runtime.docker import DockerOptions, open_docker
from tests.engines.docker import DockerEngine
from tests.executors.local.opening import fast_settings
from tests.executors.pods import IMAGE, log, request, run


@pytest.mark.docker
@pytest.mark.parametrize("files", [True, False], ids=["file", "api"])
async def test_what_a_terminal_shows_is_read(
    docker_engine: DockerEngine, tmp_path: Path, *, files: bool
) -> None:
    script = "test -t 1 && echo yes; seq 1 200; sleep 0.1; printf '42 end'"
    main = {"name": "main", "image": IMAGE, "tty": True, "command": ["sh", "-c", script]}
    options = DockerOptions(host=docker_engine.url, read_log_files=files)
    async with open_local(
        fast_settings(tmp_path), lambda owner: open_docker(owner, options)
    ) as executor:
        record = await run(executor, request(spec=decode({"containers": [main]}, PodSpec)))
        shown = await log(executor, record.ref)
        await executor.delete_pod(record.ref)
    numbers = b"".join(b"%d\r\n" % number for number in range(1, 201))
    assert shown.rstrip(b"\n") == b"yes\r\n" + numbers + b"42 end"
