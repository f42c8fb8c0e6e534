"""The table of runs: every accepted run, how far it is, and in which order it all changed.

Each change takes the next *revision*, one counter for the whole table, so a watch resumes by a
number. Deleted runs leave a tombstone for a while.
"""

from __future__ import annotations

import sqlite3
import uuid
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from argoexec_cli.controller.paging import page_start
from argoexec_cli.errors import NotFoundError
from argoexec_cli.executors.local.database import Database
from argoexec_cli.models.base import decode_json, encode_json
from argoexec_cli.models.companions import NOTHING, Companions
from argoexec_cli.models.selector import parse_selector
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunPage, RunQuery, RunRef

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL, name TEXT NOT NULL,
    run BLOB NOT NULL, phase TEXT NOT NULL, revision INTEGER NOT NULL, active INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0, deleting INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, name));
CREATE INDEX IF NOT EXISTS runs_by_revision ON runs (revision);
CREATE INDEX IF NOT EXISTS active_runs ON runs (position) WHERE active;
CREATE TABLE IF NOT EXISTS beside (
    uid TEXT PRIMARY KEY, hash TEXT NOT NULL, public BLOB NOT NULL, secrets INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tombstones (revision INTEGER PRIMARY KEY, run BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (executor TEXT PRIMARY KEY, token TEXT NOT NULL);
"""
_COLUMNS: Final = "run, revision, accepted, deleting, position, COALESCE(hash, '')"
_KEPT_TOMBSTONES: Final = 10_000
_PAGE: Final = 1_000


class StoredRun(NamedTuple):
    """A row. `accepted`: its pod has been taken by the executor; `deleting`: nobody wants it;
    `beside`: the hash of what came beside it, if something did.
    """

    run: WorkflowRun
    revision: int = 0
    accepted: bool = False
    deleting: bool = False
    position: int = 0
    beside: str = ""


class NewRun(NamedTuple):
    """A run to insert, and what came beside it, of which no Secret is stored."""

    run: WorkflowRun
    beside: Companions = NOTHING


class Beside(NamedTuple):
    """What is stored of what came beside a run, without its Secrets, and whether it has some."""

    public: Companions = NOTHING
    secrets: bool = False


class Change(NamedTuple):
    """A change as a watch tells of it."""

    run: WorkflowRun
    revision: int
    deleted: bool = False


class Batch(NamedTuple):
    """What is written in one transaction. `cursors`: how far each executor's watch was handled."""

    inserts: list[NewRun]
    updates: list[StoredRun]
    deletes: list[WorkflowRun]
    cursors: dict[str, str]


class Written(NamedTuple):
    """What came of a batch: for each insert the row that is there now, and every change."""

    inserted: list[StoredRun]
    changes: list[Change]


class Replay(NamedTuple):
    """What changed after some revision, in order, and the revision that this brings one to."""

    changes: list[Change]
    revision: int


class RunStore:
    """The runs of one data directory. `id` names this database for ever."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at *path*, inside the event loop that will use it."""
        self._db = Database(path, _SCHEMA)
        self.id = ""
        self._revision = 0
        self._floor = 0

    async def load(self) -> tuple[list[StoredRun], dict[str, str]]:
        """Read the counters; returns the runs that are not finished, oldest first, and the
        cursors.
        """

        def work(db: sqlite3.Connection) -> tuple[list[StoredRun], dict[str, str]]:
            self.id, self._revision, self._floor = _load_meta(db)
            cursors = dict(db.execute("SELECT executor, token FROM cursors").fetchall())
            return _select(db, "active", ()), cursors

        return await self._db.commit(work)

    async def close(self) -> None:
        """Finish all commits and close the file."""
        await self._db.close()

    async def write(self, batch: Batch) -> Written:
        """Write *batch* in one transaction. An insert whose name is taken inserts nothing."""
        return await self._db.commit(lambda db: self._write(db, batch))

    async def get(self, ref: RunRef) -> StoredRun:
        """Return the row that *ref* names. `NotFoundError`."""
        rows = await self._db.read(
            lambda db: _select(db, "namespace = ? AND name = ?", (ref.namespace, ref.name))
        )
        if not rows or (ref.uid and rows[0].run.metadata.uid != ref.uid):
            raise NotFoundError(f"workflow run {ref} not found", hint="list them: argoexec list")
        return rows[0]

    async def beside(self, uid: str) -> Beside:
        """Return what is stored of what came beside the run."""

        def read(db: sqlite3.Connection) -> Beside:
            found = "SELECT public, secrets FROM beside WHERE uid = ?"
            for public, secrets in db.execute(found, (uid,)):
                return Beside(decode_json(public, Companions), bool(secrets))
            return Beside()

        return await self._db.read(read)

    async def page(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match, oldest first."""
        matches = parse_selector(query.selector)
        after, limit = page_start(query.page_token), min(query.limit or _PAGE, _PAGE)

        def read(db: sqlite3.Connection) -> RunPage:
            where = "position > ? AND ? IN ('', namespace) AND ? IN ('', name) AND ? IN ('', phase)"
            args = (after, query.namespace, query.name, query.phase)
            runs: list[WorkflowRun] = []
            last = after
            for row in _cursor(db, where, args):
                stored = _stored(row)
                if not matches(stored.run.metadata.labels):
                    continue
                if len(runs) == limit:
                    return RunPage(tuple(runs), str(last))
                runs.append(stored.run)
                last = stored.position
            return RunPage(tuple(runs))

        return await self._db.read(read)

    async def over(self, oldest: datetime, count: int) -> list[WorkflowRun]:
        """Return runs that ended before *oldest*, or that are beyond the *count* of finished runs
        that are kept, oldest first; at most 1,000.
        """

        def read(db: sqlite3.Connection) -> list[WorkflowRun]:
            (finished,) = db.execute("SELECT COUNT(*) FROM runs WHERE NOT active").fetchone()
            beyond = _select(db, "NOT active", (), limit=min(max(finished - count, 0), _PAGE))
            if beyond:
                return [row.run for row in beyond]
            ended = "julianday(json_extract(CAST(run AS TEXT), '$.status.finishedAt'))"
            old = _select(
                db, f"NOT active AND {ended} < julianday(?)", (oldest.isoformat(),), _PAGE
            )
            return [row.run for row in old]

        return await self._db.read(read)

    async def since(self, revision: int, wanted: RunQuery) -> Replay:
        """Return what changed after *revision*; everything, without tombstones, when that is too
        long ago to know.

        Rows of other names than *wanted* are left out: a watch of one run must not read them all.
        """
        where = "revision > ? AND ? IN ('', namespace) AND ? IN ('', name)"
        if wanted.namespace and wanted.name:  # as the index has it
            where = "revision > ? AND namespace = ? AND name = ?"

        def read(db: sqlite3.Connection) -> Replay:
            start = revision if self._floor <= revision <= self._revision else 0
            rows = _select(db, where, (start, wanted.namespace, wanted.name))
            changes = [Change(row.run, row.revision) for row in rows]
            if start:
                gone = db.execute("SELECT * FROM tombstones WHERE revision > ?", (start,))
                changes += [Change(decode_json(b, WorkflowRun), r, True) for r, b in gone]
            changes.sort(key=lambda change: change.revision)
            return Replay(changes, max(start, _last_revision(db)))

        return await self._db.read(read)

    def _write(self, db: sqlite3.Connection, batch: Batch) -> Written:
        changes: list[Change] = []
        inserted = [self._insert(db, run, changes) for run in batch.inserts]
        for row in batch.updates:
            changes.append(Change(row.run, self._next_revision()))
            db.execute(
                "UPDATE runs SET run = ?, phase = ?, revision = ?, active = ?, accepted = ?,"
                " deleting = ? WHERE uid = ?",
                (
                    encode_json(row.run),
                    row.run.status.phase,
                    self._revision,
                    not row.run.finished or row.deleting,
                    row.accepted,
                    row.deleting,
                    row.run.metadata.uid,
                ),
            )
        for run in batch.deletes:
            changes.append(Change(run, self._next_revision(), True))
            for table in ("runs", "beside"):
                db.execute(f"DELETE FROM {table} WHERE uid = ?", (run.metadata.uid,))  # noqa: S608 - ours
            db.execute("INSERT INTO tombstones VALUES (?, ?)", (self._revision, encode_json(run)))
            self._trim_tombstones(db)
        db.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", batch.cursors.items())
        return Written(inserted, changes)

    def _insert(self, db: sqlite3.Connection, new: NewRun, changes: list[Change]) -> StoredRun:
        run, beside = new
        meta = run.metadata
        found = _select(db, "namespace = ? AND name = ?", (meta.namespace, meta.name))
        if found:
            return found[0]
        revision = self._next_revision()
        db.execute(
            "INSERT INTO runs (uid, namespace, name, run, phase, revision, active)"
            " VALUES (?, ?, ?, ?, ?, ?, 1)",
            (meta.uid, meta.namespace, meta.name, encode_json(run), run.status.phase, revision),
        )
        if beside.hash:
            public = encode_json(Companions(beside.config_maps))
            given = (meta.uid, beside.hash, public, bool(beside.secrets))
            db.execute("INSERT INTO beside VALUES (?, ?, ?, ?)", given)
        changes.append(Change(run, revision))
        return StoredRun(run, revision, beside=beside.hash)

    def _next_revision(self) -> int:
        """Only called in the writer's thread, so revisions are in the order of commits."""
        self._revision += 1
        return self._revision

    def _trim_tombstones(self, db: sqlite3.Connection) -> None:
        (count,) = db.execute("SELECT COUNT(*) FROM tombstones").fetchone()
        if count <= _KEPT_TOMBSTONES:
            return
        (self._floor,) = db.execute(
            "SELECT revision FROM tombstones ORDER BY revision DESC LIMIT 1 OFFSET ?",
            (_KEPT_TOMBSTONES // 2,),
        ).fetchone()
        db.execute("DELETE FROM tombstones WHERE revision <= ?", (self._floor,))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('floor', ?)", (str(self._floor),))


def _load_meta(db: sqlite3.Connection) -> tuple[str, int, int]:
    db.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", (uuid.uuid4().hex[:12],))
    meta: dict[str, str] = dict(db.execute("SELECT key, value FROM meta").fetchall())
    floor = int(meta.get("floor", 0))
    return meta["id"], max(_last_revision(db), floor), floor


def _last_revision(db: sqlite3.Connection) -> int:
    (last,) = db.execute(
        "SELECT MAX(COALESCE((SELECT MAX(revision) FROM runs), 0),"
        " COALESCE((SELECT MAX(revision) FROM tombstones), 0))"
    ).fetchone()
    return int(last)


def _select(
    db: sqlite3.Connection, where: str, args: tuple[object, ...], limit: int = -1
) -> list[StoredRun]:
    return [_stored(row) for row in _cursor(db, where, args, limit)]


def _cursor(
    db: sqlite3.Connection, where: str, args: tuple[object, ...], limit: int = -1
) -> sqlite3.Cursor:
    # The conditions are constants of this module; values always travel as parameters.
    tables = "runs LEFT JOIN beside USING (uid)"
    select = f"SELECT {_COLUMNS} FROM {tables} WHERE {where} ORDER BY position LIMIT ?"  # noqa: S608
    return db.execute(select, (*args, limit))


def _stored(row: tuple[bytes, int, int, int, int, str]) -> StoredRun:
    run, revision, accepted, deleting, position, beside = row
    return StoredRun(
        decode_json(run, WorkflowRun), revision, bool(accepted), bool(deleting), position, beside
    )
