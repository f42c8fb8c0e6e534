"""Secrets of pods and runs that are not over: in memory only, and there for the next process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import msgspec

from argoexec_cli.errors import DataLossError
from argoexec_cli.executors.local.mounting import mount_memory, remove_directory, remove_others
from argoexec_cli.models.config import Secret

_FILE = "secrets.json"
_LOST = "secrets.lost"


class SecretStore:
    """Keeps Secrets in a tmpfs of each owner, a pod or a run, below one directory. A pod's goes
    with the pod's own directory, which is there too.
    """

    def __init__(self, directory: Path) -> None:
        """Use *directory*, which is made when it is needed."""
        self._directory = directory

    async def keep(self, uid: str, secrets: tuple[Secret, ...]) -> bool:
        """Keep the owner's Secrets before it is accepted; False, and nothing done, when there are
        some or it needs none. `PreconditionError` when the daemon may not mount.
        """
        place = self._place(uid)
        if not secrets or place.exists():
            return False
        await asyncio.to_thread(_keep, place, secrets)
        return True

    async def load(self, uid: str) -> tuple[Secret, ...]:
        """Return the owner's Secrets. `DataLossError`: the host was restarted since."""
        if (self._directory / uid / _LOST).exists():
            raise DataLossError(
                "the host was restarted, and Secrets are kept in its memory only",
                hint="submit the pod again",
            )
        return await asyncio.to_thread(_load, self._place(uid))

    async def forget(self, uid: str) -> None:
        """Note that a restart of the host took them, if there were any. Repeatable."""
        if self._place(uid).exists():
            (self._directory / uid / _LOST).touch(mode=0o600)

    async def drop(self, uid: str) -> None:
        """Remove the owner's Secrets, and all else of its directory."""
        directory = self._directory / uid
        if directory.exists():
            await asyncio.to_thread(remove_directory, directory)

    async def drop_others(self, uids: Collection[str]) -> None:
        """Remove what belongs to none of these owners."""
        await asyncio.to_thread(remove_others, self._directory, uids)

    def _place(self, uid: str) -> Path:
        return self._directory / uid / "mounts" / "secrets"


def _keep(place: Path, secrets: tuple[Secret, ...]) -> None:
    mount_memory(place)
    path = place / _FILE
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(secrets))


def _load(place: Path) -> tuple[Secret, ...]:
    path = place / _FILE
    if not path.exists():
        return ()
    return msgspec.json.decode(path.read_bytes(), type=tuple[Secret, ...])
