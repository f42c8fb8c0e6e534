"""What the plugin answers to `template.execute`: where a task is, asked again and again.

Nothing is remembered that could not be found again: the pod's name and uid follow from the
workflow and the template, and an executor returns the pod that is there. So any call may be
repeated, by another process too.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from argoexec_cli.argo.feed import Feeds, Resolve
from argoexec_cli.argo.tails import read_tails
from argoexec_cli.argo.translate.request import Delegation, Identity, Owner, delegate
from argoexec_cli.argo.translate.result import failed, node_result, timed_out
from argoexec_cli.argo.translate.template import is_ours
from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    InvalidError,
    TimedOutError,
    UnavailableError,
)
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.verdict import verdict

_log = logging.getLogger(__name__)
CLIENT: Final = "plugin"
Answer = dict[str, Any]
NOT_OURS: Final[Answer] = {}

_PASSING: Final = (UnavailableError, CapacityError, TimedOutError)
_SOON: Final = "1s"
_LATER: Final = "5s"
_KEPT: Final = 2000
_K = TypeVar("_K")
_V = TypeVar("_V")
_OUR_DOING: Final = ("Stopped", "DeadlineExceeded")


class Metadata(msgspec.Struct):
    """The workflow, as the request names it. Argo says the uid since 3.4."""

    name: str
    namespace: str = "default"
    uid: str = ""


class Workflow(msgspec.Struct):
    """See `Metadata`."""

    metadata: Metadata


class Request(msgspec.Struct):
    """The body of `template.execute`. More keys are for versions to come."""

    workflow: Workflow
    template: dict[str, Any]


class Answering:
    """Answers requests, any number at a time."""

    def __init__(self, resolve: Resolve, default: Callable[[], str], feeds: Feeds) -> None:
        """Hand tasks to the executors that *resolve* knows, by default to *default*'s."""
        self._resolve = resolve
        self._default = default
        self._feeds = feeds
        self._ended: OrderedDict[str, Answer] = OrderedDict()
        self._translated: OrderedDict[bytes, Delegation] = OrderedDict()

    async def execute(self, body: bytes) -> Answer:
        """Return the answer to a request; `InvalidError` for a body that is none.

        What a fault of today prevents is "ask again later", never an end.
        """
        try:
            delegation = self._delegation(body)
            return await self._look(delegation) if delegation is not None else NOT_OURS
        except _PASSING as exc:
            return {"node": {"phase": "Pending", "message": exc.message}, "requeue": _LATER}
        except _RequestError:
            raise
        except ArgoexecError as exc:
            return {"node": failed(exc.message)}

    def _delegation(self, body: bytes) -> Delegation | None:
        """Translate the body, unless that was done: the same is asked every second."""
        digest = hashlib.sha256(body).digest()
        if (known := self._translated.get(digest)) is not None:
            return known
        request = _decode(body)
        if not is_ours(request.template):
            return None
        meta = request.workflow.metadata
        owner = Owner(meta.namespace, meta.name, meta.uid or meta.name, CLIENT)
        made = delegate(request.template, owner, _identity(request.template))
        _remember(self._translated, digest, made)
        return made

    async def _look(self, delegation: Delegation) -> Answer:
        uid = delegation.request.pod.metadata.uid
        if (answer := self._ended.get(uid)) is not None:
            return answer
        name = delegation.executor or self._default()
        executor = self._resolve(name)
        record = self._feeds.latest(uid)
        if record is None:
            record = await executor.run_pod(delegation.request)
            self._feeds.follow(name)
        if record.pod.status.terminal:
            logs = await read_tails(executor, record)
            result = node_result(delegation, record, logs, name)
            if delegation.limit_s and record.pod.status.reason in _OUR_DOING:
                result = timed_out(result, delegation.limit_s)
            return self._keep(uid, {"node": result})
        if _late(delegation, record):
            await executor.stop_pod(record.ref)
        phase, message = verdict(record.pod.status)
        return {"node": {"phase": phase, "message": message or f"on {name}"}, "requeue": _SOON}

    def _keep(self, uid: str, answer: Answer) -> Answer:
        _remember(self._ended, uid, answer)
        return answer


class _RequestError(InvalidError):
    """The request is none, so nothing can be said about a task."""


def _remember(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    memory[key] = value
    if len(memory) > _KEPT:
        memory.popitem(last=False)


def _decode(body: bytes) -> Request:
    try:
        return msgspec.json.decode(body, type=Request)
    except msgspec.MsgspecError as exc:
        raise _RequestError(f"the request cannot be understood: {exc}") from exc


def _identity(template: dict[str, Any]) -> Identity:
    """Tell tasks apart by all that is known of them: the template with its inputs."""
    digest = hashlib.sha256(msgspec.json.encode(template, order="deterministic")).hexdigest()
    return Identity(f"template/{digest}", digest[:10])


def _late(delegation: Delegation, record: PodRecord) -> bool:
    created = record.pod.metadata.creation_timestamp
    if delegation.limit_s is None or created is None:
        return False
    return (datetime.now(UTC) - created).total_seconds() > delegation.limit_s
