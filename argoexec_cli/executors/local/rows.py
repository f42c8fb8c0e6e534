"""The rows of the table of pods: its schema, and a row as the executor sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.models.base import decode_json
from argoexec_cli.models.record import PodOutputs, PodRecord, PodRequest
from argoexec_cli.models.status import PodStatus

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pods (
    uid TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, spec_hash TEXT NOT NULL,
    request BLOB NOT NULL, status BLOB NOT NULL, outputs BLOB NOT NULL, phase TEXT NOT NULL,
    revision INTEGER NOT NULL, created REAL NOT NULL, finished REAL,
    stop_grace REAL, deleting INTEGER NOT NULL DEFAULT 0, cleaned INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, name));
CREATE INDEX IF NOT EXISTS pods_by_revision ON pods (revision);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL, event BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_uid ON events (uid);
CREATE TABLE IF NOT EXISTS tombstones (revision INTEGER PRIMARY KEY, record BLOB NOT NULL);
"""
_COLUMNS: Final = (
    "rowid, request, status, outputs, revision, stop_grace, deleting, cleaned, spec_hash"
)


class StoredPod(NamedTuple):
    """A row: the record as clients see it, and what only the executor knows."""

    order: int
    record: PodRecord
    request: PodRequest
    spec_hash: str
    stop_grace_s: float | None = None
    deleting: bool = False
    cleaned: bool = False


def select(
    db: sqlite3.Connection, where: str, *args: object, order: str = "rowid"
) -> list[StoredPod]:
    """Return the rows that match an SQL condition, in the given order."""
    return list(cursor(db, where, args, order))


def cursor(
    db: sqlite3.Connection, where: str, args: tuple[object, ...], order: str = "rowid"
) -> Iterator[StoredPod]:
    """Like `select`, one row at a time."""
    # The conditions are constants of this package; values always travel as parameters.
    rows = db.execute(f"SELECT {_COLUMNS} FROM pods WHERE {where} ORDER BY {order}", args)  # noqa: S608
    return (_stored(*row) for row in rows)


def _stored(  # noqa: PLR0913 - one parameter per column
    order: int,
    request: bytes,
    status: bytes,
    outputs: bytes,
    revision: int,
    stop_grace: float | None,
    deleting: int,
    cleaned: int,
    spec_hash: str,
) -> StoredPod:
    wanted = decode_json(request, PodRequest)
    pod = msgspec.structs.replace(wanted.pod, status=decode_json(status, PodStatus))
    record = PodRecord(pod=pod, outputs=decode_json(outputs, PodOutputs), revision=revision)
    return StoredPod(order, record, wanted, spec_hash, stop_grace, bool(deleting), bool(cleaned))
