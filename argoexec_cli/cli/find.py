"""From the name that a user typed to the run or pod that it means."""

from __future__ import annotations

from typing import Final

import msgspec

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.items import Item, Kind, item_of_pod, item_of_run
from argoexec_cli.errors import InvalidError, NotFoundError
from argoexec_cli.models.record import PodQuery, PodRecord, PodRef
from argoexec_cli.models.workflow import WorkflowRun
from argoexec_cli.models.workflows import RunQuery, RunRef

LATEST: Final = "@latest"
_KINDS: Final[dict[str, Kind]] = {
    "pod": "pod",
    "pods": "pod",
    "po": "pod",
    "workflowrun": "workflowrun",
    "workflowruns": "workflowrun",
    "workflow": "workflowrun",
    "workflows": "workflowrun",
    "run": "workflowrun",
    "runs": "workflowrun",
    "wf": "workflowrun",
}


class Name(msgspec.Struct, frozen=True):
    """A name as it was typed; `kind` is empty when it was not said."""

    namespace: str
    name: str
    kind: Kind | None = None


def parse_name(text: str, namespace: str) -> Name:
    """Read `NAME` or `KIND/NAME`, as kubectl does. `InvalidError` for an unknown kind."""
    kind, slash, name = text.rpartition("/")
    if not slash:
        return Name(namespace, text)
    if kind.lower() not in _KINDS:
        raise InvalidError(f"{text}: there is no kind {kind!r}", hint=f"pod/{name} or run/{name}")
    return Name(namespace, name, _KINDS[kind.lower()])


async def find(server: Server, text: str, namespace: str) -> Item:
    """Return the run of that name, else the pod. `@latest` is whichever was made last.

    `NotFoundError` says that neither exists, and which name comes near.
    """
    wanted = parse_name(text, namespace)
    if wanted.name == LATEST:
        # A list leaves events out, so the one that is meant is asked for by its name.
        latest = await _latest(server, wanted)
        wanted = Name(latest.namespace, latest.name, latest.kind)
    if wanted.kind != "pod" and (run := await _run(server, wanted)):
        return item_of_run(run)
    if wanted.kind != "workflowrun" and (record := await _pod(server, wanted)):
        return item_of_pod(record)
    raise await _not_found(server, wanted)


async def list_items(
    server: Server, namespace: str, *, selector: str = "", kind: Kind | None = None
) -> list[Item]:
    """Return all runs, then all pods, of a namespace (empty: of all), the oldest first."""
    items: list[Item] = []
    if kind != "pod":
        items += [item_of_run(run) for run in await list_runs(server, namespace, selector)]
    if kind != "workflowrun":
        items += [item_of_pod(record) for record in await list_pods(server, namespace, selector)]
    return items


def pods_of(run: Item) -> list[PodRef]:
    """Return the pods of a run, in the order of its nodes."""
    if not isinstance(run.source, WorkflowRun):
        return []
    nodes = run.source.status.nodes.values()
    return [PodRef(namespace=run.namespace, name=node.pod_name) for node in nodes if node.pod_name]


async def pods_of_workflow(server: Server, name: str, namespace: str) -> list[Item]:
    """Return what the daemon runs, or ran, of a Workflow of Argo's. `NotFoundError` for nothing."""
    selector = f"workflows.argoproj.io/workflow={name[:63]}"
    found = [item_of_pod(record) for record in await list_pods(server, namespace, selector)]
    if not found:
        raise NotFoundError(
            f"no task of the workflow {name} came here", hint=f"argoexec get {name} --cluster"
        )
    return found


def without_pods_of_runs(items: list[Item]) -> list[Item]:
    """Leave out the pods that belong to a run in *items*."""
    owned = {(ref.namespace, ref.name) for item in items for ref in pods_of(item)}
    return [
        item for item in items if item.kind != "pod" or (item.namespace, item.name) not in owned
    ]


async def list_runs(server: Server, namespace: str, selector: str = "") -> list[WorkflowRun]:
    """Return every run that matches, page by page."""
    runs: list[WorkflowRun] = []
    token = ""
    while True:
        query = RunQuery(namespace=namespace, selector=selector, page_token=token)
        page = await server.workflows.list_runs(query)
        runs += page.runs
        if not (token := page.next_page_token):
            return runs


async def list_pods(server: Server, namespace: str, selector: str = "") -> list[PodRecord]:
    """Return every pod that matches, page by page."""
    records: list[PodRecord] = []
    token = ""
    while True:
        query = PodQuery(namespace=namespace, selector=selector, page_token=token)
        page = await server.executor.list_pods(query)
        records += page.records
        if not (token := page.next_page_token):
            return records


async def _run(server: Server, wanted: Name) -> WorkflowRun | None:
    try:
        ref = RunRef(namespace=wanted.namespace, name=wanted.name)
        return await server.workflows.get_run(ref)
    except NotFoundError:
        return None


async def _pod(server: Server, wanted: Name) -> PodRecord | None:
    try:
        ref = PodRef(namespace=wanted.namespace, name=wanted.name)
        return await server.executor.get_pod(ref)
    except NotFoundError:
        return None


async def _latest(server: Server, wanted: Name) -> Item:
    items = await list_items(server, wanted.namespace, kind=wanted.kind)
    dated = [(item.created, item) for item in without_pods_of_runs(items) if item.created]
    if not dated:
        raise NotFoundError(
            f"nothing has run in namespace {wanted.namespace} yet", hint="argoexec submit FILE"
        )
    return max(dated, key=lambda pair: pair[0])[1]


async def _not_found(server: Server, wanted: Name) -> NotFoundError:
    import difflib  # for errors alone

    names = {item.name for item in await list_items(server, wanted.namespace, kind=wanted.kind)}
    close = difflib.get_close_matches(wanted.name, names, n=1)
    what = {"pod": "pod", "workflowrun": "run", None: "run or pod"}[wanted.kind]
    hint = f"did you mean {close[0]}?" if close else f"argoexec list -n {wanted.namespace}"
    if wanted.name in _KINDS:
        one = "pod" if _KINDS[wanted.name] == "pod" else "run"
        hint = f"argoexec list; a {one} is written {one}/NAME"
    return NotFoundError(f"there is no {what} {wanted.name} in {wanted.namespace}", hint=hint)
