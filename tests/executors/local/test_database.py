"""Commits in groups: durable, each for itself, and never hanging."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from argoexec_cli.errors import (
    CapacityError,
    DataLossError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.executors.local.database import Database
from tests.executors.local.small_disk import SmallDisk

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, data BLOB)"


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Give an empty database with one table."""
    database = Database(tmp_path / "db", SCHEMA)
    yield database
    await database.close()
    await database.close()


async def insert(database: Database, number: int, data: bytes = b"") -> None:
    """Insert a row."""
    await database.commit(
        lambda db: db.execute("INSERT INTO t VALUES (?, ?)", (number, data)).rowcount
    )


async def numbers(database: Database) -> list[int]:
    """Return all rows."""
    rows = await database.read(lambda db: db.execute("SELECT n FROM t ORDER BY n").fetchall())
    return [number for (number,) in rows]


async def test_changes_share_commits(database: Database, tmp_path: Path) -> None:
    await asyncio.gather(*(insert(database, number) for number in range(500)))
    assert await numbers(database) == list(range(500))
    wal = (tmp_path / "db-wal").stat().st_size
    assert wal < 500 * 4096, "each change wrote its own page"


async def test_an_error_undoes_its_own_change_only(database: Database) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (100, NULL)")
        raise NotFoundError("no")

    def bug(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (101, NULL)")
        raise KeyError("a bug")

    results = await asyncio.gather(
        insert(database, 1),
        database.commit(half),
        insert(database, 1),
        database.commit(bug),
        insert(database, 2),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        type(None),
        NotFoundError,
        UnavailableError,
        KeyError,
        type(None),
    ]
    assert await numbers(database) == [1, 2]


async def test_cancelling_stops_the_waiting_only(database: Database) -> None:
    task = asyncio.ensure_future(insert(database, 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await insert(database, 2)
    assert await numbers(database) == [1, 2]


async def test_close_finishes_what_was_begun(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", SCHEMA)
    writes = [asyncio.ensure_future(insert(database, number)) for number in range(50)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(UnavailableError, match="is closed"):
        await insert(database, 99)
    again = Database(tmp_path / "db", SCHEMA)
    assert await numbers(again) == list(range(50))
    await again.close()


async def test_a_read_sees_one_moment(database: Database) -> None:
    stop = False

    async def write() -> None:
        number = 0
        while not stop:
            number += 1
            await insert(database, number)

    def twice(db: sqlite3.Connection) -> tuple[int, int]:
        count = "SELECT COUNT(*) FROM t"
        return db.execute(count).fetchone()[0], db.execute(count).fetchone()[0]

    writer = asyncio.ensure_future(write())
    for _ in range(100):
        first, second = await database.read(twice)
        assert first == second
    stop = True
    await writer


async def test_a_full_disk_is_told_and_passes(small_disk: SmallDisk) -> None:
    database = Database(small_disk.path / "db", SCHEMA)
    with pytest.raises(CapacityError, match=r"the disk that holds .* is full"):
        for number in range(100):
            await insert(database, number, b"x" * 8192)
    kept = await numbers(database)
    small_disk.grow()
    await insert(database, 1000)
    assert await numbers(database) == [*kept, 1000]
    await database.close()


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"not a database" * 1000)
    with pytest.raises(DataLossError, match="is damaged") as caught:
        Database(tmp_path / "db", SCHEMA)
    assert caught.value.hint.startswith("move it away to start afresh: mv")


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot use"):
        Database(tmp_path / "none" / "db", SCHEMA)
