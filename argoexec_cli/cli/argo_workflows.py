"""Workflows that real Argo runs: submitted, shown, waited for and stopped in the cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from argoexec_cli.cli.clusters import ClusterOptions, open_kube
from argoexec_cli.cli.output import Data, Document, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import ExitCode, InvalidError

if TYPE_CHECKING:
    from argoexec_cli.cli.argo_following import How
    from argoexec_cli.controller.documents import Document as Source
    from argoexec_cli.kube.connecting import Cluster

Manifest = dict[str, Any]
_WAIT: Final = "wait --cluster"
_STOP: Final = "stop --cluster"
_ONLY: Final = "only a Workflow can be submitted to Argo"
_SPECS: Final = {
    "WorkflowTemplate": "spec",
    "ClusterWorkflowTemplate": "spec",
    "CronWorkflow": "spec.workflowSpec",
}
"""Where those kinds that refer to tasks, but are none to run, have a Workflow's spec."""


class ToArgo(NamedTuple):
    """What `submit --to argo` was told."""

    files: Sequence[str]
    parameters: dict[str, str]
    executor: str
    name: str
    generate_name: str
    follow: How | None
    """How to follow what was created; None: not at all."""

    dry_run: bool


async def submit_to_argo(
    session: Session, told: ToArgo, options: ClusterOptions, output: Document | None
) -> int:
    """Rewrite the workflows and create them; return the exit code."""
    workflows = [_prepared(one, told) for one in _read(told.files)]
    if told.dry_run:
        for one in workflows:
            write_data(one, Data.JSON if output is Document.JSON else Data.YAML)
        session.say("this was a dry run: nothing was submitted")
        return ExitCode.OK
    from argoexec_cli.argo.submitting.creating import create_workflow

    # With --log, stdout is for the log alone.
    tell = session.say_text if told.follow == "log" else write
    async with open_kube(session, options) as cluster:
        made = []
        for one in workflows:
            wanted = one["metadata"].get("namespace") or _namespace(session, cluster)
            made.append(await create_workflow(cluster.client, one, wanted))
            _announce(made[-1], output, tell)
        return await _follow(session, cluster, made, told.follow)


async def _follow(
    session: Session, cluster: Cluster, made: Sequence[Manifest], how: How | None
) -> int:
    from argoexec_cli.cli.argo_following import follow_workflow
    from argoexec_cli.cli.detach import detachable

    code = int(ExitCode.OK)
    for one in made if how else ():
        assert how is not None  # noqa: S101 - mypy does not see through the line above
        name, namespace = one["metadata"]["name"], one["metadata"]["namespace"]
        again = "logs -f --argo" if how == "log" else _WAIT
        async with detachable(session, name, again, stop=_STOP, namespace=namespace):
            ended = await follow_workflow(session, cluster, one, how)
        code = code or ended
    return code


def _prepared(workflow: Manifest, told: ToArgo) -> Manifest:
    from argoexec_cli.argo.submitting.creating import with_arguments, with_name
    from argoexec_cli.argo.submitting.rewrite import rewrite_workflow

    named = with_name(workflow, told.name, told.generate_name)
    return rewrite_workflow(with_arguments(named, told.parameters), told.executor)


def _read(files: Sequence[str]) -> list[Manifest]:
    from argoexec_cli.controller.documents import objects_of, read_documents
    from argoexec_cli.controller.load import read_source

    found = []
    for file in files:
        source = read_source(file, sys.stdin.buffer)
        documents = read_documents(source.text, source.file)
        for document in chain.from_iterable(map(objects_of, documents)):
            if not isinstance(document.data, dict) or document.data.get("kind") != "Workflow":
                _refuse_kind(document)
            if not isinstance(document.data.get("metadata"), dict):
                document.refuse("metadata", "metadata: expected a map with name or generateName")
            found.append(document.data)
    if not found:
        raise InvalidError("nothing to run: no Workflow", hint="see examples/echo.yaml")
    return found


def _refuse_kind(document: Source) -> NoReturn:
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind not in _SPECS:
        document.refuse("kind", _ONLY)
    document.refuse(
        "kind",
        f"{_ONLY}, and this is a {kind}",
        hint=f"its {_SPECS[kind]} in a Workflow is rewritten by --dry-run -o yaml; put that back",
    )


async def show_workflow(session: Session, name: str, options: ClusterOptions, form: str) -> None:
    """Write how a workflow of the cluster is."""
    from argoexec_cli.cli.table import render_table
    from argoexec_cli.kube.resources import WORKFLOWS

    async with open_kube(session, options) as cluster:
        found = await cluster.client.get(WORKFLOWS, name, _namespace(session, cluster))
    if form in ("json", "yaml"):
        write_data(found, Data(form))
        return
    meta, status = found["metadata"], found.get("status") or {}
    write(f"Name:       {meta['name']}\nNamespace:  {meta['namespace']}\n")
    write(f"Status:     {status.get('phase') or 'Pending'}\n")
    if status.get("message"):
        write(f"Message:    {status['message']}\n")
    nodes = [
        [
            one.get("displayName", ""),
            one.get("type", ""),
            one.get("phase", ""),
            one.get("message", ""),
        ]
        for one in (status.get("nodes") or {}).values()
    ]
    if nodes:
        header = ["STEP", "TYPE", "STATUS", "MESSAGE"]
        write("\n" + render_table(nodes, header=header, color=session.color))


async def wait_for_workflows(
    session: Session, names: Sequence[str], options: ClusterOptions
) -> int:
    """Wait for workflows of the cluster; return the first exit code that is not 0."""
    from argoexec_cli.cli.argo_following import wait_one
    from argoexec_cli.cli.detach import detachable

    code = int(ExitCode.OK)
    async with open_kube(session, options) as cluster:
        for name in names:
            namespace = _namespace(session, cluster)
            async with detachable(session, name, _WAIT, stop=_STOP, namespace=namespace):
                ended = await wait_one(cluster, name, namespace)
            code = code or ended
    return code


async def stop_workflows(session: Session, names: Sequence[str], options: ClusterOptions) -> None:
    """Stop workflows of the cluster."""
    from argoexec_cli.argo.submitting.creating import stop_workflow

    async with open_kube(session, options) as cluster:
        for name in names:
            await stop_workflow(cluster.client, name, _namespace(session, cluster))
            write(f"workflow/{name} stopping\n")


def _announce(made: Manifest, output: Document | None, tell: Callable[[str], None]) -> None:
    if output in (Document.JSON, Document.YAML):
        write_data(made, Data(output.value))
        return
    tell(f"{made['metadata']['name']}\n")


def _namespace(session: Session, cluster: Cluster) -> str:
    return session.options.namespace or cluster.namespace
