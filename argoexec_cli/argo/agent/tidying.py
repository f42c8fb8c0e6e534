"""What nobody tells of: deadlines that pass, results that the controller cannot take out of the
task set, or took out and lost, entries that are old.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from argoexec_cli.argo.agent.ledger import Entry
from argoexec_cli.argo.agent.objects import TaskSet, is_absorbed
from argoexec_cli.errors import ArgoexecError
from argoexec_cli.kube.resources import WORKFLOWS

if TYPE_CHECKING:
    from argoexec_cli.argo.agent.agent import Agent

_log = logging.getLogger(__name__)
_DEADLINES_S: Final = 1.0
_AGAIN_S: Final = 60.0
"""So long a result may be missing from the task set before it is written once more."""
_FORGET_S: Final = 3600.0


async def tidy_for_ever(agent: Agent) -> None:
    """Look after everything now and then."""
    begun = time.monotonic()
    tidied = forgot = begun
    while True:
        await asyncio.sleep(min(_DEADLINES_S, agent.settings.tidy_s))
        for facts in list(agent.facts.values()):
            async with agent.turns:
                await agent.expire(facts, time.time())
        now = time.monotonic()
        if now - tidied >= agent.settings.tidy_s:
            tidied = now
            for task_set in list(agent.sets.values()):
                await _tidy(agent, task_set, begun)
        if now - forgot >= _FORGET_S:
            forgot = now
            for uid in [uid for uid, one in agent.facts.items() if one.over]:
                if uid not in agent.sets:
                    del agent.facts[uid]
            count = await agent.ledger.forget_before(time.time() - agent.settings.keep_s)
            _log.debug("forgot %d old tasks", count)


async def _tidy(agent: Agent, task_set: TaskSet, begun: float) -> None:
    now = time.monotonic()
    stays, lost = [], []
    for entry in agent.ledger.of(task_set.uid):
        if not entry.posted or entry.pruned or entry.node not in task_set.tasks:
            continue
        age = now - agent.told.get(entry.key, begun)
        if entry.node in task_set.nodes and age > agent.settings.prune_after_s:
            stays.append(entry)
        elif entry.node not in task_set.nodes and age > _AGAIN_S:
            lost.append(entry)
    for entry in lost:
        _log.info("writing the result of %s again: it was taken out and not kept", entry.node)
        agent.told[entry.key] = now
        agent.post(entry)
    if stays:
        await _prune(agent, task_set, stays)


async def _prune(agent: Agent, task_set: TaskSet, stays: list[Entry]) -> None:
    """Take out what the controller has taken over and may not take out (it lacks the rule for
    `workflowtasksets/status`): until then it rewrites the workflow again and again.
    """
    now = time.monotonic()
    for entry in stays:
        agent.told[entry.key] = now
    try:
        workflow = await agent.kube.get(WORKFLOWS, task_set.name, task_set.namespace)
    except ArgoexecError as exc:
        _log.debug("workflow %s/%s: %s", task_set.namespace, task_set.name, exc.message)
        return
    for entry in stays:
        if is_absorbed(workflow, entry.node):
            agent.poster(task_set).put(entry.node, None)
