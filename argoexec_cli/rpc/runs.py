"""Workflow runs on the wire: each is a JSON document, beside a few columns taken from it."""

from __future__ import annotations

from typing import cast

from argoexec_cli.errors import UnsupportedError
from argoexec_cli.models.base import FieldError, decode_json, encode_json
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunPage, RunQuery, RunRef, RunUpdate
from argoexec_cli.rpc import filters
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import workflows_pb2
from argoexec_cli.rpc.objects import (
    companions_from_message,
    config_map_to_message,
    secret_to_message,
)
from argoexec_cli.rpc.records import refuse_unknown
from argoexec_cli.rpc.status import VERSION_HINT


def ref_to_message(ref: RunRef) -> workflows_pb2.RunRef:
    """Return the message for *ref*."""
    return workflows_pb2.RunRef(namespace=ref.namespace, name=ref.name, uid=ref.uid)


def ref_from_message(message: workflows_pb2.RunRef) -> RunRef:
    """Return the reference; an empty namespace is "default", an empty name is refused."""
    refuse_unknown(message, "ref")
    if not message.name:
        raise FieldError("ref.name", "required")
    return RunRef(namespace=message.namespace or "default", name=message.name, uid=message.uid)


def run_to_message(run: WorkflowRun) -> workflows_pb2.WorkflowRun:
    """Return the message for *run*."""
    meta = run.metadata
    return workflows_pb2.WorkflowRun(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        phase=run.status.phase,
        json=encode_json(run).decode(),
    )


def run_from_message(message: workflows_pb2.WorkflowRun) -> WorkflowRun:
    """Return the run that a server tells of. `UnsupportedError` when it cannot be understood."""
    try:
        return decode_json(message.json, WorkflowRun)
    except FieldError as exc:
        text = f"the server describes a run in a way that is not understood: {exc.message}"
        raise UnsupportedError(text, hint=VERSION_HINT) from exc


def submit_to_message(run: WorkflowRun, beside: Companions) -> workflows_pb2.SubmitRequest:
    """Return the message that submits *run* with what came *beside* it."""
    return workflows_pb2.SubmitRequest(
        json=encode_json(run).decode(),
        config_maps=[config_map_to_message(one) for one in beside.config_maps],
        secrets=[secret_to_message(one) for one in beside.secrets],
    )


def submit_from_message(message: workflows_pb2.SubmitRequest) -> tuple[WorkflowRun, Companions]:
    """Return the run to start and what came beside it. `FieldError` names the field that is wrong
    or not supported.
    """
    refuse_unknown(message)
    return decode_json(message.json, WorkflowRun), companions_from_message(message)


def list_to_message(query: RunQuery) -> workflows_pb2.ListRunsRequest:
    """Return the message that asks for a page of the runs that match *query*."""
    return workflows_pb2.ListRunsRequest(**filters.of_list(query))


def list_from_message(message: workflows_pb2.ListRunsRequest) -> RunQuery:
    """Return the query."""
    refuse_unknown(message)
    return RunQuery(**filters.from_list(message))


def page_to_message(page: RunPage) -> workflows_pb2.ListRunsResponse:
    """Return the message for *page*."""
    return workflows_pb2.ListRunsResponse(
        runs=[run_to_message(run) for run in page.runs], next_page_token=page.next_page_token
    )


def page_from_message(message: workflows_pb2.ListRunsResponse) -> RunPage:
    """Return the page that a server sent."""
    runs = tuple(run_from_message(run) for run in message.runs)
    return RunPage(runs=runs, next_page_token=message.next_page_token)


def watch_to_message(query: RunQuery, token: str) -> workflows_pb2.WatchRunsRequest:
    """Return the message that watches what matches *query*, whose limit and page do not count."""
    return workflows_pb2.WatchRunsRequest(**filters.of_watch(query, token))


def watch_from_message(message: workflows_pb2.WatchRunsRequest) -> tuple[RunQuery, str]:
    """Return the query and the token to resume from."""
    refuse_unknown(message)
    return RunQuery(**filters.from_watch(message)), message.resume_token


def update_to_message(update: RunUpdate) -> workflows_pb2.WatchRunsResponse:
    """Return the message for *update*."""
    run = update.run
    return workflows_pb2.WatchRunsResponse(
        type=update.type,
        run=None if run is None else run_to_message(run),
        resume_token=update.token,
    )


def update_from_message(message: workflows_pb2.WatchRunsResponse) -> RunUpdate:
    """Return the update that a server sent."""
    kind = cast("filters.UpdateType", workflows_pb2.WatchRunsResponse.Type.Name(message.type))
    run = run_from_message(message.run) if message.HasField("run") else None
    return RunUpdate(type=kind, run=run, token=message.resume_token)
