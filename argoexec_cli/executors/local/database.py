"""SQLite behind one writer thread that commits in groups.

Durability is `PRAGMA synchronous=FULL` on a write-ahead log: when `commit` returns, the change
survives a power cut. Changes that arrive while a commit is under way share the next one, so a
hundred pods cost a handful of fsyncs, not a hundred.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from argoexec_cli.errors import ArgoexecError, CapacityError, DataLossError, UnavailableError

_T = TypeVar("_T")
_MAX_GROUP: Final = 256


class _Change(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


class _Result(NamedTuple):
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


class Database:
    """One SQLite file, opened and closed in one event loop; `close` waits for what was begun."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open (or create) *path* and run *schema*, which must be repeatable."""
        self._path = path
        self._queue: SimpleQueue[_Change | None] = SimpleQueue()
        with suppress(OSError):  # which connecting tells of; SQLite itself makes files by the umask
            path.touch(mode=0o600)
        self._connection = _connect(path)
        try:
            self._connection.executescript(schema)
        except sqlite3.Error as exc:
            raise _translate(exc, path) from exc
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = threading.Thread(
            target=self._write, name=f"database {path.name}", daemon=True
        )
        self._thread.start()

    async def commit(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run *work* in a transaction and return its result once that is on disk.

        An error in *work* undoes this change alone and is raised here. Cancelling stops the
        waiting, not the change.
        """
        if self._closed:
            raise UnavailableError(f"{self._path} is closed", hint="start the daemon again")
        future: asyncio.Future[_T] = self._loop.create_future()
        self._queue.put(_Change(work, future))
        return await asyncio.shield(future)

    async def read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run *query* on a connection of its own, which sees one moment: after every finished
        commit, and between two.
        """
        return await asyncio.to_thread(self._read, query)

    def _read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            connection = _connect(self._path)
            try:
                connection.execute("BEGIN")
                return query(connection)
            finally:
                connection.close()
        except sqlite3.Error as exc:
            raise _translate(exc, self._path) from exc

    async def close(self) -> None:
        """Finish what was queued and close the file. May be called twice."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _write(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if group:
                results = self._commit_group(group)
                self._loop.call_soon_threadsafe(_deliver, results)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Change], bool]:
        group: list[_Change] = []
        while len(group) < _MAX_GROUP and (not group or not self._queue.empty()):
            change = self._queue.get()
            if change is None:
                return group, False
            group.append(change)
        return group, True

    def _commit_group(self, group: list[_Change]) -> list[_Result]:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [self._apply(change) for change in group]
            connection.execute("COMMIT")
        except sqlite3.Error as exc:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [_Result(change.future, error=_translate(exc, self._path)) for change in group]
        return results

    def _apply(self, change: _Change) -> _Result:
        self._connection.execute("SAVEPOINT change")
        result = _Result(change.future)
        try:
            result = result._replace(value=change.work(self._connection))
        except Exception as exc:
            # Handed to whoever wanted the change: the thread has to live on for the others.
            if not self._connection.in_transaction:
                raise  # the disk is full: SQLite has undone the whole group by itself
            self._connection.execute("ROLLBACK TO change")
            error = _translate(exc, self._path) if isinstance(exc, sqlite3.Error) else exc
            result = result._replace(error=error)
        self._connection.execute("RELEASE change")
        return result


def _deliver(results: list[_Result]) -> None:
    for future, value, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)
            future.exception()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error as exc:
        raise _translate(exc, path) from exc
    return connection


def _translate(exc: sqlite3.Error, path: Path) -> ArgoexecError:
    name = getattr(exc, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return CapacityError(
            f"the disk that holds {path} is full", hint=f"free some space: df -h {path.parent}"
        )
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return DataLossError(
            f"{path} is damaged: {exc}",
            hint=f"move it away to start afresh: mv {path} {path}.damaged",
        )
    return UnavailableError(
        f"cannot use {path}: {exc}", hint=f"check the directory: ls -ld {path.parent}"
    )
