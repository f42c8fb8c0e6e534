"""The ConfigMaps and Secrets of runs that are not over: ConfigMaps with the run, in its table, and
Secrets in memory only, as a pod's are.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from argoexec_cli.controller.store import RunStore
from argoexec_cli.errors import DataLossError
from argoexec_cli.executors.local.secrets import SecretStore
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.record import PodRequest

LOST: Final = "the host was restarted, and Secrets are kept in its memory only"


class Keeper:
    """What came beside runs, there for every pod of theirs, also after a restart of the daemon."""

    def __init__(self, store: RunStore, secrets: SecretStore) -> None:
        """Use *store* and *secrets*, both of this controller alone."""
        self._store = store
        self._secrets = secrets

    async def hold(self, uid: str, beside: Companions) -> None:
        """Keep the Secrets of a run before it is accepted. `PreconditionError` when the daemon may
        not mount memory for them.
        """
        await self._secrets.keep(uid, beside.secrets)

    async def complete(self, uid: str, request: PodRequest) -> PodRequest:
        """Return the request for a pod of the run with what it refers to. `DataLossError` when the
        run's Secrets are gone.
        """
        stored = await self._store.beside(uid)
        secrets = await self._secrets.load(uid)
        if stored.secrets and not secrets:
            raise DataLossError(LOST, hint="submit it again, under another name")
        own = Companions(stored.public.config_maps, secrets).of(request.pod)
        return msgspec.structs.replace(request, config_maps=own.config_maps, secrets=own.secrets)

    async def drop(self, uid: str) -> None:
        """Forget the Secrets of a run that has ended."""
        await self._secrets.drop(uid)

    async def drop_others(self, uids: Collection[str]) -> None:
        """Forget the Secrets of all runs but these."""
        await self._secrets.drop_others(uids)
