"""What the agent has begun and what came of it, on disk before anybody is told.

A row for each (workflow uid, node id). It is written before a task starts, so a restart of the
agent finds every task that may run somewhere, and no result is made twice.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from argoexec_cli.executors.local.database import Database
from argoexec_cli.models.base import Model, decode_json, encode_json

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tasks (
    uid TEXT NOT NULL, node TEXT NOT NULL, entry BLOB NOT NULL, changed REAL NOT NULL,
    PRIMARY KEY (uid, node));
"""


class Key(NamedTuple):
    """Names a task: its workflow's uid, and its node's id."""

    uid: str
    node: str


class Entry(Model, kw_only=True):
    """One task. `started` is in seconds since 1970; `generation` counts runs after `argo retry`.

    `accepted`: the executor has it. `result`: how it ended. `posted`: Argo was told. `pruned`: we
    took the result out of the task set again. `removed`: it left `spec.tasks`; `completed`: the
    workflow ended after that. `withdrawn`: it is to be ended, and `stopped` once that is done;
    `silent`: Argo is not to be told.
    """

    uid: str
    node: str
    namespace: str
    workflow: str
    template: dict[str, Any]
    started: float
    version: int = 0
    generation: int = 0
    executor: str = ""
    accepted: bool = False
    result: dict[str, Any] | None = None
    posted: bool = False
    pruned: bool = False
    removed: bool = False
    completed: bool = False
    withdrawn: bool = False
    stopped: bool = False
    silent: bool = False

    @property
    def key(self) -> Key:
        """Return the task's name."""
        return Key(self.uid, self.node)

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well."""
        return self.result is not None and self.result.get("phase") == "Succeeded"


class Ledger:
    """All entries, in memory as they are on disk. One process at a time uses the file."""

    def __init__(self, path: Path) -> None:
        """Open or create *path*, inside the event loop that will use it."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = Database(path, _SCHEMA)
        self._entries: dict[str, dict[str, Entry]] = {}

    async def load(self) -> None:
        """Read what an earlier process wrote."""
        rows = await self._db.read(lambda db: db.execute("SELECT entry FROM tasks").fetchall())
        for (blob,) in rows:
            self._keep(decode_json(blob, Entry))

    def get(self, key: Key) -> Entry | None:
        """Return what is known of a task."""
        return self._entries.get(key.uid, {}).get(key.node)

    def of(self, uid: str) -> list[Entry]:
        """Return all tasks of a workflow."""
        return list(self._entries.get(uid, {}).values())

    def all(self) -> list[Entry]:
        """Return every task that is remembered."""
        return [entry for entries in self._entries.values() for entry in entries.values()]

    async def save(self, entry: Entry) -> Entry:
        """Remember *entry*; returns it once it is on disk. The last call wins."""
        self._keep(entry)
        row = (entry.uid, entry.node, encode_json(entry), time.time())

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?)", row)

        await self._db.commit(work)
        return entry

    async def change(self, key: Key, **fields: Any) -> Entry | None:
        """Change fields of the entry as it is now; None when it is forgotten already."""
        entry = self.get(key)
        if entry is None:
            return None
        changed = msgspec.structs.replace(entry, **fields)
        return changed if changed == entry else await self.save(changed)

    async def forget_before(self, moment: float) -> int:
        """Forget what left its task set before *moment* and has not changed since; says how many
        those were.
        """
        old = [
            Key(uid, node)
            for uid, node in await self._db.read(
                lambda db: db.execute(
                    "SELECT uid, node FROM tasks WHERE changed < ?", (moment,)
                ).fetchall()
            )
        ]
        gone = [key for key in old if (entry := self.get(key)) and entry.removed]
        await self._db.commit(
            lambda db: db.executemany("DELETE FROM tasks WHERE uid = ? AND node = ?", gone)
        )
        for key in gone:
            self._entries[key.uid].pop(key.node, None)
        self._entries = {uid: entries for uid, entries in self._entries.items() if entries}
        return len(gone)

    async def close(self) -> None:
        """Finish what was begun. May be called twice."""
        await self._db.close()

    def _keep(self, entry: Entry) -> None:
        self._entries.setdefault(entry.uid, {})[entry.node] = entry
