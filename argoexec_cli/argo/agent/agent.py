"""The agent: follows task sets and workflows, and keeps what runs in step with what Argo wants."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from argoexec_cli.aio import Tasks
from argoexec_cli.argo.agent.deciding import Do, absent, adopted, decide, is_served, renewed
from argoexec_cli.argo.agent.gate import Gate
from argoexec_cli.argo.agent.ledger import Entry, Key, Ledger
from argoexec_cli.argo.agent.objects import (
    Facts,
    TaskSet,
    instance_selector,
    read_task_set,
    read_workflow,
    version_number,
)
from argoexec_cli.argo.agent.poster import Poster
from argoexec_cli.argo.agent.running import Pods
from argoexec_cli.argo.agent.working import Runner, Work
from argoexec_cli.argo.feed import Resolve
from argoexec_cli.argo.translate.result import NodeResult, failed
from argoexec_cli.argo.translate.template import is_ours
from argoexec_cli.kube.base import Kube, Object, Select
from argoexec_cli.kube.follow import Follower
from argoexec_cli.kube.resources import TASK_SETS, WORKFLOWS, Resource

_log = logging.getLogger(__name__)
EXPIRED: Final = "Step exceeded its deadline"
"""Argo's own words for a node whose workflow has run out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What an agent is told. No *namespaces* are all of them."""

    ledger: Path
    instance_id: str = ""
    namespaces: tuple[str, ...] = ()
    max_tasks: int = 500
    prune_after_s: float = 60.0
    tidy_s: float = 5.0
    keep_s: float = 7 * 86400.0


@asynccontextmanager
async def open_agent(
    settings: AgentSettings,
    kube: Kube,
    resolve: Resolve,
    default: Callable[[], str],
    http: Runner,
) -> AsyncIterator[Agent]:
    """Open the ledger and give the agent, whose `run` does the work.

    Leaving the block leaves pods running; the next agent with the ledger goes on with them.
    """
    ledger = Ledger(settings.ledger)
    client = f"agent-{settings.instance_id}"[:63] if settings.instance_id else "agent"
    pods = Pods(kube, resolve, client)
    agent = Agent(settings, kube, ledger, pods, http, default)
    try:
        await ledger.load()
        yield agent
    finally:
        await agent.stop()
        await pods.stop()
        await ledger.close()


class Agent:
    """Made by `open_agent`; `run` is called once."""

    def __init__(
        self,
        settings: AgentSettings,
        kube: Kube,
        ledger: Ledger,
        pods: Pods,
        http: Runner,
        default: Callable[[], str],
    ) -> None:
        """Put the parts together; nothing happens yet."""
        self.settings = settings
        self.kube = kube
        self.ledger = ledger
        self.sets: dict[str, TaskSet] = {}
        self.facts: dict[str, Facts] = {}
        self.posters: dict[str, Poster] = {}
        self.told: dict[Key, float] = {}
        self.synced = asyncio.Event()
        self.turns = asyncio.Lock()
        """News is handled one by one: what is decided about a task rests on the newest of it."""
        self._default = default
        self._gate = Gate(settings.max_tasks, self._parallelism)
        self._work = Work(ledger, pods, http, self._gate, self.post)
        self._tasks = Tasks()
        self._listed: set[tuple[str, str]] = set()
        self._known = {one: asyncio.Event() for one in settings.namespaces or ("",)}

    async def run(self) -> None:
        """Work until cancelled. Raises what the first listings raise: `DeniedError` has the rule
        that is missing.
        """
        from argoexec_cli.argo.agent.tidying import tidy_for_ever

        for entry in self.ledger.all():
            if entry.withdrawn and not entry.stopped:
                self._work.end(entry)
        async with asyncio.TaskGroup() as group:
            for namespace in self.settings.namespaces or ("",):
                for resource in (WORKFLOWS, TASK_SETS):
                    group.create_task(
                        self._follow(resource, namespace), name=f"{resource.plural} {namespace}"
                    )
            group.create_task(tidy_for_ever(self), name="tidying")

    async def stop(self) -> None:
        """Stop working; nothing is written after this returns. May be called twice."""
        await self._work.stop()
        await self._tasks.stop()

    def counts(self) -> dict[str, object]:
        """Return how much there is to do."""
        left = [one for one in self.ledger.all() if one.result is None]
        return {"taskSets": len(self.sets), "running": len(left)}

    def post(self, entry: Entry) -> None:
        """Have Argo told how a task ended, unless its workflow is over: a late result would bring
        an ended node back.
        """
        task_set = self.sets.get(entry.uid)
        if task_set is not None and entry.result is not None and self._is_active(entry.uid):
            self.poster(task_set).put(entry.node, entry.result)

    def poster(self, task_set: TaskSet) -> Poster:
        """Return what writes to this task set."""
        poster = self.posters.get(task_set.uid)
        if poster is None or poster.gone:
            uid = task_set.uid

            async def on_posted(batch: dict[str, NodeResult | None]) -> None:
                await self._posted(uid, batch)

            poster = Poster(self.kube, task_set, on_posted)
            self.posters[uid] = poster
            self._tasks.spawn(poster.run(), name=f"results of {task_set.namespace}/{task_set.name}")
        return poster

    async def _posted(self, uid: str, batch: dict[str, NodeResult | None]) -> None:
        now = time.monotonic()
        self.told |= {Key(uid, node): now for node in batch}
        await asyncio.gather(
            *(
                self.ledger.change(Key(uid, node), **_written(result))
                for node, result in batch.items()
            )
        )

    async def _follow(self, resource: Resource, namespace: str) -> None:
        select = Select(labels=instance_selector(self.settings.instance_id))
        follower = Follower(self.kube, resource, namespace, select)
        follower.keep, follower.lasting = _name, True
        if resource == TASK_SETS:
            # What a workflow left behind that ended long ago must not be run: know them first.
            await self._known[namespace].wait()
        async for change in follower.changes():
            async with self.turns:
                if change.type == "SYNCED":
                    await self._synced(resource, namespace)
                elif resource == TASK_SETS:
                    await self._task_set(change.object, gone=change.type == "DELETED")
                else:
                    await self._workflow(change.object, gone=change.type == "DELETED")

    async def _synced(self, resource: Resource, namespace: str) -> None:
        if resource == WORKFLOWS:
            self._known[namespace].set()
        self._listed.add((resource.plural, namespace))
        if len(self._listed) < 2 * len(self.settings.namespaces or ("",)):
            return
        self.synced.set()
        lost = [one for one in self.ledger.all() if one.uid not in self.sets and not one.removed]
        await asyncio.gather(*(self._leave(one, completed=False) for one in lost))

    async def _task_set(self, found: Object, *, gone: bool) -> None:
        task_set = read_task_set(found)
        if gone:
            self.sets.pop(task_set.uid, None)
            if (poster := self.posters.pop(task_set.uid, None)) is not None:
                poster.close()
            entries = self.ledger.of(task_set.uid)
            await asyncio.gather(*(self._leave(one, completed=False) for one in entries))
            return
        self.sets[task_set.uid] = task_set
        if (poster := self.posters.get(task_set.uid)) is not None:
            poster.see(task_set)
        await self._look(task_set)

    async def _look(self, task_set: TaskSet) -> None:
        """Do for every task of a set what there is to do."""
        if task_set.completed:
            await self._over(task_set.uid, version_number(task_set.version))
        await asyncio.gather(
            *(
                self._leave(one, completed=task_set.completed)
                for one in self.ledger.of(task_set.uid)
                if one.node not in task_set.tasks
            )
        )
        for node, template in task_set.tasks.items():
            if is_served(template) and not task_set.completed:
                await self._present(task_set, node, template)

    async def _present(self, task_set: TaskSet, node: str, template: dict[str, Any]) -> None:
        entry = self.ledger.get(Key(task_set.uid, node))
        do = decide(entry, task_set, node)
        if do is Do.START:
            await self._start(task_set, node, template, entry)
        elif entry is not None and do is Do.GO_ON:
            self._work.go_on(entry)
        elif entry is not None and do is Do.POST:
            saved = await self.ledger.change(entry.key, removed=False, silent=False)
            if not (self._work.has(entry.key) or self.poster(task_set).has(node)):
                self.post(saved or entry)

    async def _start(
        self, task_set: TaskSet, node: str, template: dict[str, Any], before: Entry | None
    ) -> None:
        if not self._is_active(task_set.uid):
            return  # it is looked at again when the workflow is known to go on
        now, version = time.time(), version_number(task_set.version)
        if before is not None:
            entry = renewed(before, template, now, version)
        else:
            entry = Entry(
                uid=task_set.uid,
                node=node,
                namespace=task_set.namespace,
                workflow=task_set.name,
                template=template,
                started=now,
                version=version,
            )
            entry = adopted(entry, task_set)
        if is_ours(template):
            entry = msgspec.structs.replace(entry, executor=self._executor(template))
        if entry.result is None:
            self._work.go_on(entry)
        else:
            await self.ledger.save(entry)

    def _executor(self, template: dict[str, Any]) -> str:
        from argoexec_cli.argo.translate.request import executor_named

        return executor_named(template) or self._default()

    async def _leave(self, entry: Entry, *, completed: bool) -> None:
        """Take notice that a task is not wanted any more."""
        do, seen = absent(entry, completed=completed)
        if (poster := self.posters.get(entry.uid)) is not None:
            poster.drop(entry.node)
        if do is Do.WITHDRAW:
            await self._work.withdraw(entry)
        await self.ledger.change(entry.key, removed=seen.removed, completed=seen.completed)

    async def _workflow(self, found: Object, *, gone: bool) -> None:
        facts = read_workflow(found)
        before = self.facts.get(facts.uid)
        facts = facts._replace(over=facts.over or gone)
        self.facts[facts.uid] = facts
        self._gate.look()
        if facts.over and not (before and before.over):
            await self._over(facts.uid, None if gone else facts.version)
        elif facts.stopping and before and not before.stopping:
            # What comes after the wish to stop is an exit handler, which Argo still wants.
            await self._withdraw(facts.uid, lambda entry: entry.version < facts.version)
        elif not facts.over and (before is None or before.over) and facts.uid in self.sets:
            await self._look(self.sets[facts.uid])

    async def _over(self, uid: str, version: int | None) -> None:
        """Take notice that a workflow had ended at *version*; None: for ever. Task sets and
        workflows come in streams of their own, so a task that is newer may have been seen before.
        """

        def older(entry: Entry) -> bool:
            return version is None or entry.version < version

        await self._withdraw(uid, older)
        ended = [one for one in self.ledger.of(uid) if older(one)]
        if (poster := self.posters.get(uid)) is not None:
            for entry in ended:
                poster.drop(entry.node)
        await asyncio.gather(*(self.ledger.change(one.key, completed=True) for one in ended))

    async def _withdraw(self, uid: str, which: Callable[[Entry], bool]) -> None:
        running = [one for one in self.ledger.of(uid) if one.result is None and which(one)]
        await asyncio.gather(*(self._work.withdraw(one) for one in running))

    async def expire(self, facts: Facts, now: float) -> None:
        """End what a workflow began before its deadline, which is over."""
        if facts.deadline is None or now < facts.deadline:
            return
        late = [one for one in self.ledger.of(facts.uid) if one.result is None]
        late = [one for one in late if one.started < facts.deadline]
        result = failed(EXPIRED, phase="Failed")
        await asyncio.gather(*(self._work.withdraw(one, result) for one in late))

    def _is_active(self, uid: str) -> bool:
        facts = self.facts.get(uid)
        return facts is not None and not facts.over

    def _parallelism(self, uid: str) -> int | None:
        facts = self.facts.get(uid)
        return facts.parallelism if facts else None


def _name(found: Object) -> Object:
    """Remember no more of an object than it takes to know that it is gone: workflows are large."""
    meta = {key: one for key, one in found["metadata"].items() if key != "managedFields"}
    return {"metadata": meta}


def _written(result: NodeResult | None) -> dict[str, Any]:
    return {"pruned": True} if result is None else {"posted": True, "pruned": False}
