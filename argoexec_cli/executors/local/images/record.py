"""Which images we brought to this host, and when each was last used: the only ones we may remove.

A person's laptop has images of its owner's; so an image that was there before we asked for it is
never in this record. What is going to be pulled is noted before it is, so that one whose pull
outlives us is still known to be ours.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from argoexec_cli.executors.local.credentials.names import canonical
from argoexec_cli.executors.local.database import Database

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS images (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, id TEXT NOT NULL, before TEXT NOT NULL,
    used REAL NOT NULL);
"""


class OurImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that we pulled, under `name`. Without an `id` it is a pull whose outcome is not
    known; `before` is then what had the name until then. `used` is in seconds since the epoch.
    """

    name: str
    id: str = ""
    before: str = ""
    used: float

    @property
    def key(self) -> str:
        """Under what it is known: the name in full; the id when the name stands for another."""
        return self.id if self.name == self.id else canonical(self.name)


class ImageRecord:
    """Keeps every row in memory too: there are few, and each container that starts asks."""

    def __init__(self, path: Path) -> None:
        """Open or create the database file at *path*."""
        self._db = Database(path, _SCHEMA)
        self._rows: dict[str, OurImage] = {}
        self._touched: set[str] = set()

    async def load(self) -> None:
        """Read what is recorded."""
        rows = await self._db.read(
            lambda db: db.execute("SELECT name, id, before, used FROM images").fetchall()
        )
        found = [OurImage(name=n, id=i, before=b, used=u) for n, i, b, u in rows]
        self._rows = {image.key: image for image in found}

    async def close(self) -> None:
        """Close the file. What was used since the last `flush` looks a little older then."""
        await self._db.close()

    def all(self) -> list[OurImage]:
        """Return every image of ours, the one that was not used for longest first."""
        return sorted(self._rows.values(), key=lambda image: image.used)

    async def intend(self, name: str, before: str, now: float) -> None:
        """Note that *name*, which stands for the image *before* (or for none), is going to be
        pulled.
        """
        known = self._rows.get(canonical(name))
        if known is not None and known.id and known.id == before:
            return  # ours already, and so is what comes in its place
        await self._keep_by_id(known)
        await self._put(OurImage(name=name, before=before, used=now))

    async def pulled(self, name: str, id_: str, now: float) -> None:
        """Note that *name* is now the image *id_* and that we fetched it. What it was before, if it
        was ours, goes on under its id.
        """
        known = self._rows.get(canonical(name))
        if known is None or known.id != id_:
            await self._keep_by_id(known)
        await self._put(OurImage(name=name, id=id_, used=now))

    async def forget(self, image: OurImage) -> None:
        """Note that an image is gone, or was not ours after all."""
        self._rows.pop(image.key, None)
        self._touched.discard(image.key)
        await self._db.commit(
            lambda db: db.execute("DELETE FROM images WHERE key = ?", (image.key,)).rowcount
        )

    def intended(self, name: str) -> OurImage | None:
        """Return the pull of *name* whose outcome is not known, if there is one."""
        image = self._rows.get(canonical(name))
        return image if image is not None and not image.id else None

    def touch(self, key: str, now: float) -> None:
        """Note that an image is used now. It is on disk after the next `flush`; an end before
        that makes it look as old as it was at the last one.
        """
        if (image := self._rows.get(key)) is not None:
            self._rows[key] = msgspec.structs.replace(image, used=now)
            self._touched.add(key)

    async def flush(self) -> None:
        """Write down what was used since the last time."""
        rows = [(self._rows[key].used, key) for key in self._touched]
        self._touched.clear()
        if rows:
            await self._db.commit(
                lambda db: db.executemany("UPDATE images SET used = ? WHERE key = ?", rows).rowcount
            )

    async def _keep_by_id(self, image: OurImage | None) -> None:
        """Go on knowing an image whose name is, or will be, another's."""
        if image is not None and image.id:
            await self._put(OurImage(name=image.id, id=image.id, used=image.used))

    async def _put(self, image: OurImage) -> None:
        self._rows[image.key] = image
        row = (image.key, image.name, image.id, image.before, image.used)

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?)", row)

        await self._db.commit(write)
