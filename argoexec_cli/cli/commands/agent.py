"""`argoexec agent`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from argoexec_cli.cli.commands.serve import Logging
from argoexec_cli.cli.completion import complete_executor
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.session import Session
from argoexec_cli.logging import setup_logging

if TYPE_CHECKING:
    from argoexec_cli.cli.delegating import AgentPlan

_LEASE = "argoexec-agent"


class Whose(NamedTuple):
    """Whose tasks are run."""

    kubeconfig: Annotated[
        Path | None, Option(metavar="FILE", help="The cluster's; default: the usual one.")
    ] = None
    kube_context: Annotated[str, Option(metavar="NAME", help="One of the kubeconfig's.")] = ""
    instance_id: Annotated[
        str, Option(metavar="ID", help="The controller's instanceID, if it has one.")
    ] = ""
    leader_elect: Annotated[
        bool, Option("--leader-elect", help="Work only while no other replica does.")
    ] = False


class How(NamedTuple):
    """How they are run."""

    executor: Annotated[
        str,
        Option(
            metavar="NAME", help="Run templates that name no executor.", complete=complete_executor
        ),
    ] = ""
    max_tasks: Annotated[int, Option(metavar="N", min=1, help="So many at a time.")] = 500
    data_dir: Annotated[
        Path | None, Option(metavar="DIR", help="What was begun and what came of it.")
    ] = None
    health: Annotated[
        str, Option(metavar="HOST:PORT", help="Answer /healthz and /readyz there.")
    ] = ""


def agent_(session: Session, whose: Whose, how: How, logs: Logging) -> int:
    """Run the tasks of a cluster's WorkflowTaskSets.

    For Argo Workflows 4.1 and later, whose controller has disableAgentPodCreation set: hands
    templates with `plugin: {argoexec: …}` to executors, and serves `http:` templates, anywhere that
    reaches the API server. --namespace takes a list, a,b; default: all. Stopping it (TERM, Ctrl-C)
    leaves tasks running; the next agent with its directory goes on.
    """
    from argoexec_cli.cli import clusters, delegating

    plan = _plan(session, whose, how)
    setup_logging("debug" if session.options.debug else logs.log_level, logs.log_format)
    options = clusters.ClusterOptions(kubeconfig=whose.kubeconfig, kube_context=whose.kube_context)

    async def work() -> int:
        async with clusters.open_kube(session, options) as cluster:
            return await delegating.run_agent(plan, cluster, session.say)

    return asyncio.run(work())


def _plan(session: Session, whose: Whose, how: How) -> AgentPlan:
    from argoexec_cli.argo.agent.agent import AgentSettings
    from argoexec_cli.cli import delegating

    server, registry = delegating.where(session)
    directory = how.data_dir or Path(session.settings.data_dir.value) / "agent"
    names = [name.strip() for name in session.options.namespace.split(",")]
    return delegating.AgentPlan(
        server=server,
        registry=registry,
        executor=how.executor,
        settings=AgentSettings(
            ledger=directory.absolute() / "agent.db",
            instance_id=whose.instance_id,
            namespaces=tuple(name for name in names if name),
            max_tasks=how.max_tasks,
        ),
        lease=_lease(whose) if whose.leader_elect else "",
        health=delegating.parse_listen(how.health, exposed=True) if how.health else None,
    )


def _lease(whose: Whose) -> str:
    return f"{_LEASE}-{whose.instance_id}" if whose.instance_id else _LEASE
