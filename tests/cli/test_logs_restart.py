"""Following the log of a task that outlives its daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodRef
from argoexec_cli.rpc.channel import connect
from argoexec_cli.rpc.client import RemoteExecutor
from tests.cli.engines import BOTH, EngineCli, daemon_on, engine_of
from tests.engines import images

POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: quiet}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{{name: shared, hostPath: {{path: PLACE}}}}]
  containers:
  - name: main
    image: {images.BUSYBOX.name}
    command: [sh, -c, "until [ -e /shared/go ]; do sleep 0.1; done; echo at last"]
    volumeMounts: [{{name: shared, mountPath: /shared}}]
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Give a directory that the pod looks into, with its manifest."""
    (tmp_path / "pod.yaml").write_text(POD.replace("PLACE", str(tmp_path)))
    return tmp_path


@pytest.fixture(params=BOTH)
def cli(request: pytest.FixtureRequest, shared: Path) -> Iterator[EngineCli]:
    """Give the command line of a daemon on an engine, with the pod."""
    with daemon_on(engine_of(request), "--allow-host-path", "/tmp") as cli:
        assert cli("submit", str(shared / "pod.yaml")).code == 0
        yield cli


async def test_who_waits_for_the_first_line_hears_it_across_a_restart(
    cli: EngineCli, shared: Path
) -> None:
    async with asyncio.timeout(100), connect(cli.server) as connection:
        query = LogQuery(follow=True, tail_lines=0)
        chunks = RemoteExecutor(connection).pod_logs(PodRef(name="quiet"), query)
        assert (await anext(chunks)).data == b""
        await asyncio.to_thread(cli.stop)
        await asyncio.to_thread(cli.serve)
        (shared / "go").touch()
        assert b"".join([chunk.data async for chunk in chunks]) == b"at last\n"
