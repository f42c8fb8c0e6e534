"""What pods and what runs are asked for by: the same words, in messages of their own."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from argoexec_cli.models.record import PodQuery
from argoexec_cli.models.workflows import RunQuery
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, workflows_pb2

UpdateType = Literal["ADDED", "MODIFIED", "DELETED", "SYNCED"]
"""The kinds of updates, which the enums of both protocols name alike."""

_FILTERS: Final = ("namespace", "name", "selector", "phase")
_PAGE: Final = ("limit", "page_token")


def of_list(query: PodQuery | RunQuery) -> dict[str, Any]:
    """Return the fields of a message that asks for a page."""
    return msgspec.structs.asdict(query)


def of_watch(query: PodQuery | RunQuery, token: str) -> dict[str, Any]:
    """Return the fields of a message that watches: the query's limit and page do not count."""
    fields = msgspec.structs.asdict(query)
    return {name: fields[name] for name in _FILTERS} | {"resume_token": token}


def from_list(
    message: executor_pb2.ListPodsRequest | workflows_pb2.ListRunsRequest,
) -> dict[str, Any]:
    """Return the fields of the query for a page."""
    return {name: getattr(message, name) for name in (*_FILTERS, *_PAGE)}


def from_watch(
    message: executor_pb2.WatchPodsRequest | workflows_pb2.WatchRunsRequest,
) -> dict[str, Any]:
    """Return the fields of the query of a watch."""
    return {name: getattr(message, name) for name in _FILTERS}
