"""The table of pods: idempotence, revisions, tombstones, pages."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.executors.local import pods
from argoexec_cli.executors.local.plan.acceptance import accept, spec_hash
from argoexec_cli.executors.local.pods import PodTable
from argoexec_cli.executors.local.rows import StoredPod
from argoexec_cli.executors.local.statuses import event
from argoexec_cli.models.record import File, PodOutputs, PodQuery, PodRef
from argoexec_cli.models.status import PodStatus
from tests.executors.pods import request


@pytest_asyncio.fixture
async def table(tmp_path: Path) -> AsyncIterator[PodTable]:
    """Give an empty table."""
    table = PodTable(tmp_path / "db")
    await table.load()
    yield table
    await table.close()


async def add(table: PodTable, name: str = "a", **meta: dict[str, str]) -> StoredPod:
    """Insert a pod."""
    wanted = request("true", name, None, **meta)
    stored, new = await table.insert(accept(wanted), spec_hash(wanted), wanted.pod.metadata.uid)
    assert new
    return stored


async def test_insert_is_idempotent_on_name_and_uid(table: PodTable) -> None:
    wanted = request("true", uid="mine")
    first, new = await table.insert(accept(wanted), spec_hash(wanted), "mine")
    again, newer = await table.insert(accept(wanted), spec_hash(wanted), "mine")
    anonymous, _ = await table.insert(accept(wanted), spec_hash(wanted), "")
    assert (new, newer) == (True, False)
    assert first.record == again.record == anonymous.record
    assert (await table.find(accept(wanted), spec_hash(wanted))).record == first.record
    with pytest.raises(AlreadyExistsError, match="another uid"):
        await table.insert(accept(wanted), spec_hash(wanted), "other")
    with pytest.raises(AlreadyExistsError, match="another spec"):
        await table.insert(accept(wanted), "other hash", "mine")
    with pytest.raises(AlreadyExistsError, match="another pod has the uid mine"):
        await table.insert(accept(request("true", "b", uid="mine")), "hash", "mine")
    with pytest.raises(NotFoundError):
        await table.find(accept(request("true", "b")), "hash")


async def test_revisions_grow_with_every_change_and_survive(
    table: PodTable, tmp_path: Path
) -> None:
    stored = await add(table)
    uid = stored.record.pod.metadata.uid
    assert await table.update(uid, PodStatus(phase="Running")) == 2
    assert await table.update("unknown", PodStatus(phase="Running")) is None
    last = await table.forget(uid)
    assert last is not None
    assert (last.revision, last.pod.status.phase) == (3, "Running")
    assert await table.forget(uid) is None
    assert await table.update(uid, PodStatus(phase="Failed"), (event("x", "y"),)) is None
    assert await table.events(uid) == ()
    again = PodTable(tmp_path / "db")
    await again.load()
    assert (again.store_id, again.revision) == (table.store_id, 3)
    await again.close()


async def test_outputs_and_events_are_kept(table: PodTable) -> None:
    uid = (await add(table)).record.pod.metadata.uid
    await table.update(uid, PodStatus(phase="Succeeded"), (event("One", "1"),), PodOutputs("r"))
    await table.update(uid, PodStatus(phase="Succeeded"), (event("Two", "2"),))
    stored = await table.get(PodRef(name="a"))
    assert stored.record.outputs == PodOutputs("r")
    assert [one.reason for one in await table.events(uid)] == ["One", "Two"]


async def test_events_of_a_pod_are_bounded(table: PodTable) -> None:
    uid = (await add(table)).record.pod.metadata.uid
    for start in range(0, 700, 100):
        events = tuple(event("R", str(number)) for number in range(start, start + 100))
        await table.update(uid, PodStatus(phase="Running"), events)
    kept = await table.events(uid)
    assert (len(kept), kept[-1].message) == (500, "699")


async def test_a_stop_can_only_become_shorter(table: PodTable) -> None:
    uid = (await add(table)).record.pod.metadata.uid
    for grace, delete, expected in ((30.0, False, 30.0), (5.0, True, 5.0), (9.0, False, 5.0)):
        await table.want_stop(uid, grace, delete=delete)
        assert (await table.get(PodRef(name="a"))).stop_grace_s == expected
    assert (await table.get(PodRef(name="a"))).deleting
    with pytest.raises(AlreadyExistsError, match="is being deleted"):
        await table.insert(accept(request()), spec_hash(request()))


async def test_refs(table: PodTable) -> None:
    uid = (await add(table)).record.pod.metadata.uid
    assert (await table.get(PodRef(name="", uid=uid))).record.pod.metadata.name == "a"
    for ref in (PodRef(name="b"), PodRef(name="a", uid="x"), PodRef(namespace="n", name="a")):
        with pytest.raises(NotFoundError, match="not found"):
            await table.get(ref)


async def test_replay_and_tombstones(table: PodTable, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await add(table, "a"), await add(table, "b")
    gone = await table.forget(first.record.pod.metadata.uid)
    assert gone is not None
    fresh = await table.since(0)
    assert [record.pod.metadata.name for _, record in fresh.changed] == ["b"]
    assert fresh.revision == gone.revision == 3
    assert (await table.since(0, PodQuery(name="other"))).changed == []
    assert len((await table.since(0, PodQuery(name="b", namespace="default"))).changed) == 1
    later = await table.since(1)
    assert [(deleted, one.revision) for deleted, one in later.changed] == [(False, 2), (True, 3)]
    assert (await table.since(3)).changed == []
    monkeypatch.setattr(pods, "_KEPT_TOMBSTONES", 2)
    for name in "cdef":
        await table.forget((await add(table, name)).record.pod.metadata.uid)
    assert table.floor > 0
    assert len((await table.since(table.floor)).changed) == 1
    assert second.record.pod.metadata.name == "b"


async def test_pages_hold_the_limit_and_nothing_twice(table: PodTable) -> None:
    for number in range(7):
        await add(table, f"pod-{number}", labels={"even": str(number % 2 == 0)})
    seen, token = [], ""
    while True:
        page, token = await table.page(PodQuery(limit=3, page_token=token, selector="even=True"))
        seen += [record.pod.metadata.name for record in page]
        if not token:
            break
    assert seen == ["pod-0", "pod-2", "pod-4", "pod-6"]
    assert (await table.page(PodQuery(phase="Running"))) == ([], "")
    assert len((await table.page(PodQuery(name="pod-3")))[0]) == 1
    for bad in ("x", "-1", "9" * 40):
        with pytest.raises(InvalidError, match="is not a page token"):
            await table.page(PodQuery(page_token=bad))


async def test_what_came_with_the_pods_is_not_kept_in_memory_to_list_them(table: PodTable) -> None:
    size = 1 << 20
    for number in range(20):
        files = (File(volume="v", path="a", content="x" * size),)
        wanted = msgspec.structs.replace(accept(request(name=f"pod-{number}")), files=files)
        await table.insert(wanted, "hash")
    tracemalloc.start()
    try:
        assert len((await table.page(PodQuery()))[0]) == 20
        assert len((await table.since(0)).changed) == 20
        assert len(await table.refs("cleaned = 0")) == 20
        assert tracemalloc.get_traced_memory()[1] < 10 * size
    finally:
        tracemalloc.stop()


async def test_what_is_stored_is_what_was_accepted(table: PodTable) -> None:
    stored = await add(table, labels={"a": "b"})
    again = await table.get(stored.record.ref)
    assert again.record.pod == stored.record.pod
    empty = msgspec.structs.replace(stored.request.pod, status=PodStatus())
    assert again.request.pod == empty
    assert again.spec_hash == stored.spec_hash
