"""The Secrets of pods that are not over: in memory only, and there for the next process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from argoexec_cli.errors import DataLossError
from argoexec_cli.executors.local.mounting import mount_memory
from argoexec_cli.models.config import Secret

_FILE = "secrets.json"
_LOST = "secrets.lost"


class SecretStore:
    """Keeps Secrets in a tmpfs of each pod, below the pods' directory, which removes it."""

    def __init__(self, directory: Path) -> None:
        """Use the pods' *directory*."""
        self._directory = directory

    async def keep(self, pod_uid: str, secrets: tuple[Secret, ...]) -> bool:
        """Keep a pod's Secrets before it is accepted; False, and nothing done, when there are some
        or it needs none. `PreconditionError` when the daemon may not mount.
        """
        place = self._place(pod_uid)
        if not secrets or place.exists():
            return False
        await asyncio.to_thread(_keep, place, secrets)
        return True

    async def load(self, pod_uid: str) -> tuple[Secret, ...]:
        """Return a pod's Secrets. `DataLossError`: the host was restarted since."""
        if (self._directory / pod_uid / _LOST).exists():
            raise DataLossError(
                "the host was restarted, and Secrets are kept in its memory only",
                hint="submit the pod again",
            )
        return await asyncio.to_thread(_load, self._place(pod_uid))

    async def forget(self, pod_uid: str) -> None:
        """Note that a restart of the host took them, if there were any. Repeatable."""
        if self._place(pod_uid).exists():
            (self._directory / pod_uid / _LOST).touch(mode=0o600)

    def _place(self, pod_uid: str) -> Path:
        return self._directory / pod_uid / "mounts" / "secrets"


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
