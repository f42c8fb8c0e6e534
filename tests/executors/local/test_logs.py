"""Log files through crashes, full disks and followers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from argoexec_cli.errors import CapacityError, DataLossError, UnavailableError
from argoexec_cli.executors.local.blocks import encode_block
from argoexec_cli.executors.local.logs import LogStore
from argoexec_cli.models.logs import STDERR, STDOUT, LogQuery, LogRun
from argoexec_cli.runtime.base import ContainerKey
from tests.executors.local.small_disk import SmallDisk

KEY = ContainerKey(pod_uid="uid", container="main")
SOURCE = [LogRun(n, STDOUT, b"line %d\n" % n) for n in range(6)]
WHOLE = b"".join(run.data for run in SOURCE)


async def pump(store: LogStore, *, step: int = 2) -> None:
    """Write what the source has after the log's position, *step* runs at a time."""
    writer = await store.open(KEY)
    try:
        for start in range(int(writer.position or 0), len(SOURCE), step):
            end = min(start + step, len(SOURCE))
            writer.append(SOURCE[start:end], str(end))
        await writer.sync()
    finally:
        writer.close()
        writer.close()


async def read(store: LogStore, query: LogQuery | None = None, *, ended: bool = True) -> bytes:
    """Return a whole log."""
    parts = [chunk.data async for chunk in store.read(KEY, query or LogQuery(), lambda: ended)]
    return b"".join(parts)


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    """Give an empty store."""
    return LogStore(tmp_path / "logs")


async def test_a_cut_at_any_byte_loses_and_repeats_nothing(store: LogStore) -> None:
    await pump(store)
    path = store.path(KEY)
    data = path.read_bytes()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        await pump(store)
        assert await read(store) == WHOLE
        assert path.read_bytes() == data


async def test_damage_anywhere_is_written_anew(store: LogStore) -> None:
    await pump(store)
    path = store.path(KEY)
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        await pump(store)
        assert await read(store) == WHOLE


async def test_a_long_log_is_recovered_without_holding_it(store: LogStore) -> None:
    path = store.path(KEY)
    path.parent.mkdir(parents=True)
    small = encode_block([LogRun(1, STDOUT, b"x\n")], "1")
    large = encode_block([LogRun(1, STDOUT, b"x" * (3 << 20))], "2")
    path.write_bytes(small * 40_000 + large + small * 3 + large[:-1])
    writer = await store.open(KEY)
    writer.close()
    assert writer.position == "1"
    assert path.stat().st_size == len(small) * 40_003 + len(large)


@pytest.mark.parametrize(("tail", "late"), [(None, WHOLE), (0, b"")])
async def test_who_follows_and_finds_nothing_knows_at_once_where_to_resume(
    store: LogStore, tail: int | None, late: bytes
) -> None:
    """Otherwise a daemon that restarts before the first line would end what follows it."""
    if late != WHOLE:
        await pump(store)
    query = LogQuery(follow=True, tail_lines=tail)
    follower = store.read(KEY, query, lambda: False)
    async with asyncio.timeout(30):
        chunk = await anext(follower)
    assert (chunk.data, list(chunk.runs())) == (b"", [])
    await follower.aclose()  # type: ignore[attr-defined] # a generator
    if late == WHOLE:
        await pump(store)
    assert await read(store, LogQuery(follow=True, cursor=chunk.cursor)) == late


async def test_damage_in_a_log_that_is_complete_is_told(store: LogStore) -> None:
    await pump(store)
    path = store.path(KEY)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataLossError, match="is damaged"):
        await read(store)
    assert await read(store, ended=False) == WHOLE[: 4 * len(SOURCE[0].data)]


async def test_a_full_disk_keeps_what_fits_and_goes_on(small_disk: SmallDisk) -> None:
    store = LogStore(small_disk.path / "logs")
    writer = await store.open(KEY)
    block = [LogRun(1, STDOUT, b"x" * 9_999 + b"\n")]
    with pytest.raises(CapacityError, match="no space left for logs in") as caught:
        for number in range(100):
            writer.append(block, str(number + 1))
    assert caught.value.hint == f"free some space: df -h {small_disk.path}/logs"
    kept = int(writer.position)
    writer.close()
    ballast = await store.open(KEY)
    assert ballast.position == str(kept), "what was written in part is gone"
    assert len(await read(store)) == kept * 10_000
    small_disk.grow()
    ballast.append(block, str(kept + 1))
    ballast.close()
    assert len(await read(store)) == (kept + 1) * 10_000


async def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(UnavailableError, match=r"cannot write logs in .*: Not a directory"):
        await LogStore(tmp_path / "logs").open(KEY)


async def test_a_follower_waits_for_the_first_line_and_the_last(store: LogStore) -> None:
    ended = False
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow() -> None:
        async for chunk in store.read(KEY, LogQuery(follow=True), lambda: ended):
            if chunk.data:
                seen.put_nowait(chunk.data)

    async with asyncio.timeout(30):
        follower = asyncio.ensure_future(follow())
        await asyncio.sleep(0)
        writer = await store.open(KEY)
        for run in SOURCE:
            writer.append([run], "")
            assert await seen.get() == run.data
        assert not follower.done()
        writer.append([LogRun(9, STDERR, b"last")], "")
        writer.close()
        ended = True
        store.finished("uid", KEY)
        await follower
        assert seen.get_nowait() == b"last"


async def test_finished_wakes_the_followers_of_the_whole_pod(store: LogStore) -> None:
    ended = False
    other = ContainerKey(pod_uid="uid", container="other")

    async def follow(key: ContainerKey) -> bytes:
        chunks = store.read(key, LogQuery(follow=True), lambda: ended)
        return b"".join([chunk.data async for chunk in chunks])

    followers = [asyncio.ensure_future(follow(key)) for key in (KEY, other)]
    await asyncio.sleep(0.02)
    ended = True
    store.finished("uid")
    store.finished("unknown")
    async with asyncio.timeout(30):
        assert await asyncio.gather(*followers) == [b"", b""]


async def test_a_slow_reader_holds_one_chunk(store: LogStore) -> None:
    writer = await store.open(KEY)
    for number in range(64):
        writer.append([LogRun(number, STDOUT, b"x" * (128 << 10) + b"\n")], "")
    writer.close()
    sizes = [len(chunk.data) async for chunk in store.read(KEY, LogQuery(), lambda: True)]
    assert sum(sizes) == 64 * ((128 << 10) + 1)
    assert max(sizes) <= 1 << 20


async def test_a_log_that_is_complete_is_read_at_once(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pump(store)
    to_thread, calls = asyncio.to_thread, []

    async def counted(function: Any, *args: Any) -> Any:
        calls.append(function)
        return await to_thread(function, *args)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    assert await read(store, LogQuery(tail_lines=2)) == b"line 4\nline 5\n"
    assert len(calls) == 1


async def test_results_sizes_and_removal(store: LogStore) -> None:
    writer = await store.open(KEY)
    writer.append([LogRun(1, STDOUT, b"one\n"), LogRun(1, STDERR, b"no\n")], "")
    writer.append([LogRun(1, STDOUT, b"two\n\n")], "")
    writer.close()
    assert await store.result(KEY, 100) == b"one\ntwo\n"
    assert await store.result(KEY, 3) == b"wo\n"
    assert await store.sizes(["uid", "unknown"]) == [store.path(KEY).stat().st_size, 0]
    await store.remove_attempt(KEY)
    await store.remove_attempt(KEY)
    await store.remove("uid")
    await store.remove("uid")
    assert await read(store) == b""
