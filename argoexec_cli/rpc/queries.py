"""Which pods, which changes, which part of a log: questions and the pages and updates that answer.

Like `rpc.records`, pairs of functions, one for each direction.
"""

from __future__ import annotations

from typing import Final, cast

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.logs import LogQuery
from argoexec_cli.models.record import PodPage, PodQuery, PodRef, PodUpdate
from argoexec_cli.rpc import filters
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, logs_pb2
from argoexec_cli.rpc.records import (
    record_from_message,
    record_to_message,
    ref_to_message,
    refuse_unknown,
)

_SECOND_NS: Final = 1_000_000_000


def list_to_message(query: PodQuery) -> executor_pb2.ListPodsRequest:
    """Return the message that asks for a page of the pods that match *query*."""
    return executor_pb2.ListPodsRequest(**filters.of_list(query))


def list_from_message(message: executor_pb2.ListPodsRequest) -> PodQuery:
    """Return the query."""
    refuse_unknown(message)
    return PodQuery(**filters.from_list(message))


def page_to_message(page: PodPage) -> executor_pb2.ListPodsResponse:
    """Return the message for *page*."""
    return executor_pb2.ListPodsResponse(
        records=[record_to_message(record) for record in page.records],
        next_page_token=page.next_page_token,
    )


def page_from_message(message: executor_pb2.ListPodsResponse) -> PodPage:
    """Return the page that a server sent."""
    records = tuple(record_from_message(record) for record in message.records)
    return PodPage(records=records, next_page_token=message.next_page_token)


def watch_to_message(query: PodQuery, token: str) -> executor_pb2.WatchPodsRequest:
    """Return the message that watches what matches *query*, whose limit and page do not count."""
    return executor_pb2.WatchPodsRequest(**filters.of_watch(query, token))


def watch_from_message(message: executor_pb2.WatchPodsRequest) -> tuple[PodQuery, str]:
    """Return the query and the token to resume from."""
    refuse_unknown(message)
    return PodQuery(**filters.from_watch(message)), message.resume_token


def update_to_message(update: PodUpdate) -> executor_pb2.WatchPodsResponse:
    """Return the message for *update*."""
    record = update.record
    return executor_pb2.WatchPodsResponse(
        type=update.type,
        record=None if record is None else record_to_message(record),
        resume_token=update.token,
    )


def update_from_message(message: executor_pb2.WatchPodsResponse) -> PodUpdate:
    """Return the update that a server sent."""
    kind = cast("filters.UpdateType", executor_pb2.WatchPodsResponse.Type.Name(message.type))
    record = record_from_message(message.record) if message.HasField("record") else None
    return PodUpdate(type=kind, record=record, token=message.resume_token)


def logs_to_message(ref: PodRef, query: LogQuery) -> logs_pb2.GetPodLogsRequest:
    """Return the message that asks for a part of a log of the pod *ref*."""
    message = logs_pb2.GetPodLogsRequest(
        ref=ref_to_message(ref),
        container=query.container,
        follow=query.follow,
        tail_lines=query.tail_lines,
        limit_bytes=query.limit_bytes,
        cursor=query.cursor,
        previous=query.previous,
    )
    if query.since_ns:
        seconds, nanos = divmod(query.since_ns, _SECOND_NS)
        message.since_time.seconds, message.since_time.nanos = seconds, nanos
    return message


def logs_from_message(message: logs_pb2.GetPodLogsRequest) -> LogQuery:
    """Return which part is asked for; of which pod says `message.ref`."""
    refuse_unknown(message)
    tail = message.tail_lines if message.HasField("tail_lines") else None
    if tail is not None and message.cursor:
        raise InvalidError("tail_lines and cursor exclude each other", hint="leave one of them out")
    return LogQuery(
        container=message.container,
        follow=message.follow,
        tail_lines=tail,
        since_ns=message.since_time.seconds * _SECOND_NS + message.since_time.nanos,
        limit_bytes=message.limit_bytes,
        cursor=message.cursor,
        previous=message.previous,
    )
