"""Watches: bounded whatever happens, without a gap however they are resumed."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.executors.local.manager import LocalExecutor
from argoexec_cli.executors.local.statuses import event
from argoexec_cli.executors.local.watch import Hub, matcher
from argoexec_cli.models.record import PodQuery, PodRecord, PodUpdate
from tests.executors.local.opening import Opener
from tests.executors.pods import eventually, request

BASE = PodRecord(pod=request(uid="u1", labels={"app": "x"}).pod)


def update(revision: int, kind: str = "MODIFIED", reason: str = "", uid: str = "u1") -> PodUpdate:
    """Return an update with one event."""
    meta = msgspec.structs.replace(BASE.pod.metadata, uid=uid)
    record = PodRecord(
        pod=msgspec.structs.replace(BASE.pod, metadata=meta),
        revision=revision,
        events=(event(reason, ""),) if reason else (),
    )
    return PodUpdate(type=kind, record=record, token=str(revision))  # type: ignore[arg-type] # a literal


async def test_a_slow_watcher_holds_one_update_for_each_pod() -> None:
    hub = Hub("id")
    subscription = hub.subscribe(PodQuery())
    hub.publish(update(1, "ADDED"))
    for revision in range(2, 1000):
        hub.publish(update(revision, reason=str(revision)))
    hub.publish(update(1000, "ADDED", uid="u2"))
    first, second = await subscription.take()
    assert (first.type, first.token, second.token) == ("ADDED", "999", "1000")
    assert first.record is not None
    assert [one.reason for one in first.record.events][-2:] == ["998", "999"]
    assert len(first.record.events) == 200
    hub.publish(update(1001))
    hub.publish(update(1002, "DELETED"))
    (last,) = await subscription.take()
    assert last.type == "DELETED"
    hub.unsubscribe(subscription)
    hub.unsubscribe(subscription)
    hub.publish(update(1003))


async def test_updates_come_in_order_of_their_revisions() -> None:
    hub = Hub("id")
    subscription = hub.subscribe(PodQuery())
    for revision, uid in ((1, "u1"), (3, "u3"), (2, "u2"), (4, "u1")):
        hub.publish(update(revision, uid=uid))
    assert [one.token for one in await subscription.take()] == ["2", "3", "4"]


def test_tokens() -> None:
    hub = Hub("id")
    assert hub.revision(hub.token(7), floor=3, last=9) == 7
    for token in ("", "other.7", "id.x", "id.2", "id.10", f"id.{'9' * 30}", f"id.{'9' * 5000}"):
        assert hub.revision(token, floor=3, last=9) == 0, token


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (PodQuery(), True),
        (PodQuery(namespace="default"), False),
        (PodQuery(name="a"), True),
        (PodQuery(name="b"), False),
        (PodQuery(selector="app=x"), True),
        (PodQuery(selector="app!=x"), False),
        (PodQuery(phase="Running"), False),
    ],
)
def test_matching(query: PodQuery, expected: bool) -> None:
    assert matcher(query)(BASE) is expected


def test_a_bad_selector() -> None:
    with pytest.raises(InvalidError, match="cannot read"):
        Hub("id").subscribe(PodQuery(selector="a=b=c"))


class Watcher:
    """Keeps what it knows through any number of watches, each of which it leaves in the middle."""

    def __init__(self, executor: LocalExecutor) -> None:
        """Know nothing yet."""
        self.known: dict[str, PodRecord] = {}
        self._executor = executor
        self._token = ""

    async def watch(self, count: int, *, until_synced: bool = False) -> None:
        """Take *count* updates; with *until_synced* at least all that there are by now."""
        async for one in self._executor.watch_pods(PodQuery(), self._token):
            self._token, count = one.token, count - 1
            if one.record is not None:
                self._take(one, one.record)
            if (one.type == "SYNCED") if until_synced else count <= 0:
                return

    def _take(self, one: PodUpdate, record: PodRecord) -> None:
        uid = record.pod.metadata.uid
        before = self.known.pop(uid, None)
        assert before is None or before.revision < record.revision, "told twice, or backwards"
        if one.type != "DELETED":
            self.known[uid] = record


@pytest.mark.parametrize("seed", range(4))
async def test_a_watch_that_is_cut_again_and_again_ends_with_the_truth(
    executor: LocalExecutor, seed: int
) -> None:
    """What a watcher knows after any number of resumes is what a list says."""
    chance = random.Random(seed)
    watcher = Watcher(executor)

    async def watch() -> None:
        while True:
            await watcher.watch(chance.randint(1, 12))

    async def work(number: int) -> None:
        ref = (await executor.run_pod(request("sleep 0.01", f"p{number}"))).ref
        await asyncio.sleep(chance.random() / 20)
        if number % 2:
            await executor.delete_pod(ref)

    async def cleaned() -> bool:
        return not await executor.host.table.all("cleaned = 0")

    watching = asyncio.ensure_future(watch())
    await asyncio.gather(*map(work, range(30)))
    await eventually(cleaned)
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await watcher.watch(0, until_synced=True)
    listed = {r.pod.metadata.uid: r for r in (await executor.list_pods(PodQuery())).records}
    assert len(listed) == 15
    assert {
        uid: msgspec.structs.replace(r, events=()) for uid, r in watcher.known.items()
    } == listed


async def test_a_token_from_before_an_old_copy_was_put_back(opener: Opener) -> None:
    executor = await opener.open()
    future = executor.host.hub.token(1_000_000)
    await executor.run_pod(request("true"))
    async for one in executor.watch_pods(PodQuery(), future):
        assert one.type == "ADDED"
        break
