"""What is forgotten by time: finished runs beyond what is kept. Their pods are their executor's to
retire, by its own retention.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from argoexec_cli.controller.hub import Hub
from argoexec_cli.controller.store import Batch, RunStore
from argoexec_cli.errors import ArgoexecError

_log = logging.getLogger(__name__)
_SWEEP_S: Final = 600.0


class Retention(NamedTuple):
    """How long finished runs are kept, in seconds after their end, and how many of them."""

    age_s: float = 7 * 86400.0
    runs: int = 10_000


async def retire_for_ever(store: RunStore, hub: Hub, retention: Retention) -> None:
    """Retire at once and every ten minutes, until cancelled. What fails is logged, and tried again
    then.
    """
    while True:
        try:
            await retire(store, hub, retention)
        except ArgoexecError as exc:
            _log.warning("cannot retire runs: %s", exc.message)
        await asyncio.sleep(_SWEEP_S)


async def retire(store: RunStore, hub: Hub, retention: Retention) -> int:
    """Forget the finished runs that are too old or too many, oldest first; return how many."""
    oldest = datetime.now(UTC) - timedelta(seconds=retention.age_s)
    retired = 0
    while doomed := await store.over(oldest, retention.runs):
        written = await store.write(Batch([], [], doomed, {}))
        hub.publish(written.changes)
        retired += len(doomed)
    return retired
