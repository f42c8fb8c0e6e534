"""How many pods of a data directory still have something in their runtime."""

from __future__ import annotations

from pathlib import Path

from argoexec_cli.executors.local.database import Database
from argoexec_cli.executors.local.rows import SCHEMA


async def count_unfinished(data_dir: Path) -> int:
    """Count the pods that an executor with *data_dir* would look for in its runtime."""
    path = data_dir / "executor.db"
    if not path.exists():
        return 0
    database = Database(path, SCHEMA)
    try:
        query = "SELECT COUNT(*) FROM pods WHERE cleaned = 0"
        return int(await database.read(lambda db: db.execute(query).fetchone()[0]))
    finally:
        await database.close()
