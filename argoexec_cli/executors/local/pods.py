"""The table of pods: what was accepted, how far it is, what happened, and in which order.

Each change of a pod takes the next *revision*, one counter for the whole executor, so a watch
resumes by a number. Deleted pods leave a tombstone for a while; a watcher that was away longer sees
everything again.
"""

from __future__ import annotations

import sqlite3
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.executors.local.database import Database
from argoexec_cli.executors.local.rows import SCHEMA, StoredPod, cursor, select
from argoexec_cli.models.base import decode_json, encode_json
from argoexec_cli.models.record import PodEvent, PodOutputs, PodQuery, PodRecord, PodRef, PodRequest
from argoexec_cli.models.selector import parse_selector
from argoexec_cli.models.status import PodStatus

_KEPT_TOMBSTONES: Final = 10_000
_KEPT_EVENTS: Final = 500
"""Of one pod: one that is restarted for weeks must not fill the disk."""
_MAX_DIGITS: Final = 18
"""A longer number is not one of SQLite's integers."""


class Replay(NamedTuple):
    """What changed since a revision: pods as they are and tombstones, in order of revision, up to
    `revision`.
    """

    changed: list[tuple[bool, PodRecord]]
    revision: int


class PodTable:
    """All pods of the executor. `store_id` names this database for ever: it owns the runtime's
    objects.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the database file at *path*."""
        self._db = Database(path, SCHEMA)
        self.store_id = ""
        self._revision = 0
        self.floor = 0

    async def load(self) -> None:
        """Read the id and the counters, making them the first time."""
        self.store_id, self._revision, self.floor = await self._db.commit(_load_meta)

    async def close(self) -> None:
        """Finish all commits and close the file."""
        await self._db.close()

    async def insert(
        self, request: PodRequest, spec_hash: str, uid: str = ""
    ) -> tuple[StoredPod, bool]:
        """Accept a pod; returns (row, is new). `AlreadyExistsError` when the name is taken by
        another spec, or by another uid than the client's own, *uid*.
        """

        def work(db: sqlite3.Connection) -> tuple[StoredPod, bool]:
            meta = request.pod.metadata
            if found := select(db, "namespace = ? AND name = ?", meta.namespace, meta.name):
                _check_same(found[0], spec_hash, uid)
                return found[0], False
            if select(db, "uid = ?", meta.uid):
                raise AlreadyExistsError(
                    f"another pod has the uid {meta.uid}", hint="leave metadata.uid empty"
                )
            revision = self._next_revision()
            order = db.execute(
                "INSERT INTO pods (uid, namespace, name, spec_hash, request, status, outputs,"
                " phase, revision, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    meta.uid,
                    meta.namespace,
                    meta.name,
                    spec_hash,
                    encode_json(_to_store(request)),
                    encode_json(request.pod.status),
                    b"{}",
                    request.pod.status.phase,
                    revision,
                    datetime.now(UTC).timestamp(),
                ),
            ).lastrowid
            return StoredPod(
                order or 0, PodRecord(pod=request.pod, revision=revision), request, spec_hash
            ), True

        return await self._db.commit(work)

    async def find(self, request: PodRequest, spec_hash: str, uid: str = "") -> StoredPod:
        """Return the pod that was accepted for the same request before. `NotFoundError`, and the
        errors of `insert`.
        """
        meta = request.pod.metadata
        found = await self.get(PodRef(namespace=meta.namespace, name=meta.name))
        _check_same(found, spec_hash, uid)
        return found

    async def update(
        self,
        uid: str,
        status: PodStatus,
        events: tuple[PodEvent, ...] = (),
        outputs: PodOutputs | None = None,
    ) -> int | None:
        """Write a pod's status, new events and (at the end) outputs; returns the revision, None
        when the pod is gone.
        """

        def work(db: sqlite3.Connection) -> int | None:
            if not db.execute("SELECT 1 FROM pods WHERE uid = ?", (uid,)).fetchone():
                return None
            revision = self._next_revision()
            finished = datetime.now(UTC).timestamp() if status.terminal else None
            db.execute(
                "UPDATE pods SET status = ?, phase = ?, revision = ?,"
                " finished = COALESCE(finished, ?), outputs = COALESCE(?, outputs) WHERE uid = ?",
                (
                    encode_json(status),
                    status.phase,
                    revision,
                    finished,
                    outputs and encode_json(outputs),
                    uid,
                ),
            )
            db.executemany(
                "INSERT INTO events (uid, event) VALUES (?, ?)",
                [(uid, encode_json(e)) for e in events],
            )
            _trim_events(db, uid)
            return revision

        return await self._db.commit(work)

    async def want_stop(self, uid: str, grace_s: float, *, delete: bool = False) -> None:
        """Make the wish to stop (and delete) durable. A second wish may only shorten the grace
        period.
        """
        await self._db.commit(
            lambda db: (
                db.execute(
                    "UPDATE pods SET stop_grace = MIN(COALESCE(stop_grace, ?), ?),"
                    " deleting = MAX(deleting, ?) WHERE uid = ?",
                    (grace_s, grace_s, int(delete), uid),
                ).rowcount
            )
        )

    async def set_cleaned(self, uid: str) -> None:
        """Note that nothing of the pod is left in the runtime."""
        await self._db.commit(
            lambda db: db.execute("UPDATE pods SET cleaned = 1 WHERE uid = ?", (uid,)).rowcount
        )

    async def forget(self, uid: str) -> PodRecord | None:
        """Delete the row, leaving a tombstone; returns the record as it was last, None when it is
        gone already.
        """

        def work(db: sqlite3.Connection) -> PodRecord | None:
            found = select(db, "uid = ?", uid)
            if not found:
                return None
            last = msgspec.structs.replace(found[0].record, revision=self._next_revision())
            db.execute("DELETE FROM events WHERE uid = ?", (uid,))
            db.execute("DELETE FROM pods WHERE uid = ?", (uid,))
            db.execute("INSERT INTO tombstones VALUES (?, ?)", (last.revision, encode_json(last)))
            self._trim_tombstones(db)
            return last

        return await self._db.commit(work)

    @property
    def revision(self) -> int:
        """The youngest revision that may have been given out."""
        return self._revision

    async def get(self, ref: PodRef) -> StoredPod:
        """Return the row that *ref* names. `NotFoundError`."""
        if ref.uid and not ref.name:
            rows = await self._db.read(lambda db: select(db, "uid = ?", ref.uid))
        else:
            rows = await self._db.read(
                lambda db: select(db, "namespace = ? AND name = ?", ref.namespace, ref.name)
            )
        if not rows or (ref.uid and rows[0].record.pod.metadata.uid != ref.uid):
            raise NotFoundError(f"pod {ref} not found", hint="see what there is: argoexec list")
        return rows[0]

    async def events(self, uid: str) -> tuple[PodEvent, ...]:
        """Return all events of a pod in order."""
        rows = await self._db.read(
            lambda db: db.execute(
                "SELECT event FROM events WHERE uid = ? ORDER BY id", (uid,)
            ).fetchall()
        )
        return tuple(decode_json(row[0], PodEvent) for row in rows)

    async def all(self, where: str = "1", *args: object) -> list[StoredPod]:
        """Return the rows that match an SQL condition, in the order in which they were accepted."""
        return await self._db.read(lambda db: select(db, where, *args))

    async def refs(self, where: str, *args: object) -> list[PodRef]:
        """Return the names of the rows that match an SQL condition, in the order of acceptance."""
        sql = f"SELECT namespace, name, uid FROM pods WHERE {where} ORDER BY rowid"  # noqa: S608
        rows = await self._db.read(lambda db: db.execute(sql, args).fetchall())
        return [PodRef(namespace=namespace, name=name, uid=uid) for namespace, name, uid in rows]

    async def page(self, query: PodQuery) -> tuple[list[PodRecord], str]:
        """Return the records that match, oldest first, and the token of the next page ("" when
        there is none). What came with a pod, which may be large, is not kept for that.
        """
        matches = parse_selector(query.selector)
        after = _page_start(query.page_token)

        def work(db: sqlite3.Connection) -> tuple[list[PodRecord], str]:
            records: list[PodRecord] = []
            last = after
            for row in cursor(
                db,
                "rowid > ? AND ? IN ('', namespace) AND ? IN ('', name) AND ? IN ('', phase)",
                (after, query.namespace, query.name, query.phase),
            ):
                if not matches(row.record.pod.metadata.labels):
                    continue
                if query.limit and len(records) == query.limit:
                    return records, str(last)
                records.append(row.record)
                last = row.order
            return records, ""

        return await self._db.read(work)

    async def since(self, revision: int, wanted: PodQuery | None = None) -> Replay:
        """Return what changed after *revision*, with the revision that this brings a watcher to.

        Rows of other names than *wanted* are left out: a watch of one pod must not read them all.
        """
        where = "revision > ?"
        args: list[object] = [revision]
        if wanted and wanted.namespace:
            where, args = f"{where} AND namespace = ?", [*args, wanted.namespace]
        if wanted and wanted.name:
            where, args = f"{where} AND name = ?", [*args, wanted.name]

        def query(db: sqlite3.Connection) -> Replay:
            rows = cursor(db, where, tuple(args), "revision")
            changed = [(False, row.record) for row in rows]
            if revision >= self.floor and revision > 0:
                gone = "SELECT record FROM tombstones WHERE revision > ?"
                blobs = db.execute(gone, (revision,)).fetchall()
                changed += [(True, decode_json(blob, PodRecord)) for (blob,) in blobs]
            changed.sort(key=lambda change: change[1].revision)
            return Replay(changed, max(revision, _last_revision(db)))

        return await self._db.read(query)

    def _next_revision(self) -> int:
        """Only called in the writer thread: revisions are in the order of commits."""
        self._revision += 1
        return self._revision

    def _trim_tombstones(self, db: sqlite3.Connection) -> None:
        (count,) = db.execute("SELECT COUNT(*) FROM tombstones").fetchone()
        if count <= _KEPT_TOMBSTONES:
            return
        (self.floor,) = db.execute(
            "SELECT revision FROM tombstones ORDER BY revision DESC LIMIT 1 OFFSET ?",
            (_KEPT_TOMBSTONES // 2,),
        ).fetchone()
        db.execute("DELETE FROM tombstones WHERE revision <= ?", (self.floor,))
        db.execute("INSERT OR REPLACE INTO meta VALUES ('floor', ?)", (str(self.floor),))


def _load_meta(db: sqlite3.Connection) -> tuple[str, int, int]:
    db.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", (uuid.uuid4().hex[:12],))
    meta: dict[str, str] = dict(db.execute("SELECT key, value FROM meta").fetchall())
    floor = int(meta.get("floor", 0))
    return meta["id"], max(_last_revision(db), floor), floor


def _last_revision(db: sqlite3.Connection) -> int:
    (last,) = db.execute(
        "SELECT MAX(COALESCE((SELECT MAX(revision) FROM pods), 0),"
        " COALESCE((SELECT MAX(revision) FROM tombstones), 0))"
    ).fetchone()
    return int(last)


def _trim_events(db: sqlite3.Connection, uid: str) -> None:
    db.execute(
        "DELETE FROM events WHERE uid = ? AND id <="
        " (SELECT id FROM events WHERE uid = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (uid, uid, _KEPT_EVENTS),
    )


def _page_start(token: str) -> int:
    if not token:
        return 0
    if not token.isdecimal() or len(token) > _MAX_DIGITS:
        raise InvalidError(
            f"{token!r} is not a page token", hint="use the token of the page before, unchanged"
        )
    return int(token)


def _to_store(request: PodRequest) -> PodRequest:
    """Leave out what has a column of its own, and Secrets, which no disk may hold."""
    pod = msgspec.structs.replace(request.pod, status=PodStatus())
    return msgspec.structs.replace(request, pod=pod, secrets=())


def _check_same(found: StoredPod, spec_hash: str, uid: str) -> None:
    meta = found.record.pod.metadata
    if found.spec_hash != spec_hash:
        problem = "exists with another spec"
    elif uid not in ("", meta.uid):
        problem = "exists with another uid"
    elif found.deleting:
        problem = "is being deleted"
    else:
        return
    name = f"{meta.namespace}/{meta.name}"
    raise AlreadyExistsError(
        f"pod {name} {problem}", hint=f"choose another name, or: argoexec delete {meta.name}"
    )
