"""Many pods that end at the same moment: each gets its own status, and nothing stays behind."""

from __future__ import annotations

import asyncio
import resource

import pytest

from argoexec_cli.models.record import PodQuery
from argoexec_cli.runtime.fake import FakeEngine
from tests.executors.local.opening import Opener
from tests.executors.pods import eventually, log, request

COUNT = 500
MOST_MIB = 200


@pytest.mark.slow
async def test_five_hundred_end_at_once(opener: Opener, engine: FakeEngine) -> None:
    opener.set(room=opener.settings.room._replace(max_pods=COUNT), parallel_starts=COUNT)
    executor = await opener.open()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refs = await asyncio.gather(
        *(
            executor.run_pod(request(f"echo {number}; sleep 3; exit {number % 7}", f"p{number}"))
            for number in range(COUNT)
        )
    )

    async def over() -> bool:
        page = await executor.list_pods(PodQuery())
        return all(record.pod.status.terminal for record in page.records)

    await eventually(over, limit_s=120)
    records = {one.pod.metadata.name: one for one in (await executor.list_pods(PodQuery())).records}
    assert len(records) == COUNT
    for number, ref in enumerate(refs):
        status = records[f"p{number}"].pod.status
        ended = status.container_statuses[0].state.terminated
        assert ended is not None
        assert ended.exit_code == number % 7
        assert status.phase == ("Failed" if number % 7 else "Succeeded")
        assert await log(executor, ref.ref) == b"%d\n" % number

    async def clean() -> bool:
        return not engine.containers

    await eventually(clean)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < MOST_MIB
