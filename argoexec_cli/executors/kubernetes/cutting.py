"""Pages of pods, and logs up to a limit. Pure, but for waiting for the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import LogChunk, make_chunk
from argoexec_cli.models.record import PodPage, PodQuery, PodRecord


def page(records: Sequence[PodRecord], query: PodQuery) -> PodPage:
    """Return one page of those that are in the phase, oldest first."""
    if query.page_token and not query.page_token.isdecimal():
        raise InvalidError(f"{query.page_token[:40]!r} is not a page token", hint="leave it out")
    start = int(query.page_token or 0)
    matching = [one for one in records if query.phase in ("", one.pod.status.phase)]
    matching.sort(key=_age)
    end = start + query.limit if query.limit else len(matching)
    token = str(end) if end < len(matching) else ""
    return PodPage(tuple(matching[start:end]), token)


async def cut(chunks: AsyncGenerator[LogChunk], limit_bytes: int) -> AsyncGenerator[LogChunk]:
    """Pass on *chunks* up to the limit; 0 is none."""
    left = limit_bytes
    async with aclosing(chunks):
        async for chunk in chunks:
            if not limit_bytes or len(chunk.data) < left:
                left -= len(chunk.data)
                yield chunk
                continue
            yield _first(chunk, left)
            return


def _first(chunk: LogChunk, count: int) -> LogChunk:
    runs = []
    for run in chunk.runs():
        runs.append(run._replace(data=run.data[:count]))
        count -= len(run.data)
        if count <= 0:
            break
    return make_chunk(runs, chunk.cursor)


def _age(record: PodRecord) -> tuple[datetime, int]:
    made = record.pod.metadata.creation_timestamp or datetime.now(UTC)
    return made, record.revision
