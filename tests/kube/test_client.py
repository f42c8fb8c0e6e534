"""What the client asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    DeniedError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from argoexec_cli.kube.base import Event, LogWanted, Select
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.errors import (
    ConflictError,
    GoneError,
    NotReadyError,
    ThrottledError,
    TooLargeError,
)
from argoexec_cli.kube.resources import CONFIG_MAPS, PODS, TASK_SETS
from tests.kube.cluster import FakeCluster
from tests.kube.cluster.faults import CUT


def config_map(name: str, **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"metadata": {"name": name}, "data": data}


def task_set(name: str, **spec: Any) -> dict[str, Any]:
    """Return a WorkflowTaskSet with tasks."""
    return {"metadata": {"name": name}, "spec": spec}


async def test_create_get_patch_delete(kube: KubeClient) -> None:
    made = await kube.create(CONFIG_MAPS, config_map("a", x="1", y="2"), "ns")
    assert made["metadata"]["namespace"] == "ns"
    await kube.patch(CONFIG_MAPS, "a", "ns", {"data": {"x": None, "z": "3"}})
    assert (await kube.get(CONFIG_MAPS, "a", "ns"))["data"] == {"y": "2", "z": "3"}
    with pytest.raises(AlreadyExistsError):
        await kube.create(CONFIG_MAPS, config_map("a"), "ns")
    await kube.delete(CONFIG_MAPS, "a", "ns")
    with pytest.raises(NotFoundError) as caught:
        await kube.get(CONFIG_MAPS, "a", "ns")
    assert caught.value.hint == "kubectl get configmaps -n ns"


async def test_a_patch_to_an_older_version_is_a_conflict(kube: KubeClient) -> None:
    first = await kube.create(CONFIG_MAPS, config_map("a"), "ns")
    guard = {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}}
    await kube.patch(CONFIG_MAPS, "a", "ns", guard | {"data": {"x": "1"}})
    with pytest.raises(ConflictError):
        await kube.patch(CONFIG_MAPS, "a", "ns", guard | {"data": {"x": "2"}})


async def test_delete_of_another_uid_is_a_conflict(kube: KubeClient) -> None:
    await kube.create(CONFIG_MAPS, config_map("a"), "ns")
    with pytest.raises(ConflictError):
        await kube.delete(CONFIG_MAPS, "a", "ns", uid="somebody-else")


async def test_the_status_subresource_changes_only_the_status(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.add(TASK_SETS, task_set("wf", tasks={"n": {"name": "t"}}), namespace="ns")
    both: dict[str, Any] = {"spec": None, "status": {"nodes": {"n": {"phase": "Running"}}}}
    await kube.patch(TASK_SETS, "wf", "ns", both, "status")
    await kube.patch(TASK_SETS, "wf", "ns", {"status": None, "metadata": {"labels": {"a": "b"}}})
    found = cluster.object(TASK_SETS, "wf", "ns")
    assert found["spec"] == {"tasks": {"n": {"name": "t"}}}
    assert found["status"] == {"nodes": {"n": {"phase": "Running"}}}
    assert found["metadata"]["labels"] == {"a": "b"}


async def test_results_that_are_no_strings_are_refused(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.add(TASK_SETS, task_set("wf"), namespace="ns")
    wrong = {"status": {"nodes": {"n": {"outputs": {"exitCode": 0}}}}}
    with pytest.raises(InvalidError, match=r"nodes\.n\.outputs\.exitCode.*must be of type string"):
        await kube.patch(TASK_SETS, "wf", "ns", wrong, "status")


async def test_a_list_is_all_pages_and_selects(kube: KubeClient, cluster: FakeCluster) -> None:
    cluster.largest_page = 2
    for number in range(5):
        labels = {"odd": "yes"} if number % 2 else {}
        cluster.add(CONFIG_MAPS, {"metadata": {"name": f"c{number}", "labels": labels}})
    names = [each["metadata"]["name"] for each in (await kube.list(CONFIG_MAPS)).items]
    assert names == ["c0", "c1", "c2", "c3", "c4"]
    odd = await kube.list(CONFIG_MAPS, "default", Select(labels="odd"))
    assert [each["metadata"]["name"] for each in odd.items] == ["c1", "c3"]
    one = await kube.list(CONFIG_MAPS, "", Select(fields="metadata.name=c4"))
    assert [each["metadata"]["name"] for each in one.items] == ["c4"]
    assert (await kube.list(CONFIG_MAPS, "elsewhere")).items == []


async def test_a_list_whose_page_is_gone_starts_anew(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.add(CONFIG_MAPS, config_map("a"))
    cluster.fail(410, "list", times=2)
    assert len((await kube.list(CONFIG_MAPS)).items) == 1
    cluster.fail(410, "list", times=9)
    with pytest.raises(GoneError):
        await kube.list(CONFIG_MAPS)


async def test_a_watch_reports_changes_and_bookmarks(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    since = (await kube.list(CONFIG_MAPS)).version
    cluster.add(CONFIG_MAPS, config_map("a"))
    cluster.add(CONFIG_MAPS, config_map("a", x="1"))
    cluster.store.remove(CONFIG_MAPS, "default", "a")
    cluster.add(PODS, {"metadata": {"name": "p"}, "spec": {}})
    events = await read(kube, since, 4)
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    assert events[2].object["data"] == {"x": "1"}
    assert int(events[3].object["metadata"]["resourceVersion"]) == cluster.store.version


async def test_a_watch_from_a_forgotten_version_is_gone(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    since = (await kube.list(CONFIG_MAPS)).version
    cluster.add(CONFIG_MAPS, config_map("a"))
    cluster.store.forget_history()
    with pytest.raises(GoneError):
        await read(kube, since, 1)


async def test_an_error_inside_a_watch_is_raised(kube: KubeClient, cluster: FakeCluster) -> None:
    since = (await kube.list(CONFIG_MAPS)).version
    cluster.add(CONFIG_MAPS, config_map("a"))
    with pytest.raises(GoneError):
        async with aclosing(kube.watch(CONFIG_MAPS, "", Select(), since)) as watch:
            assert (await anext(watch)).type == "ADDED"
            with cluster.store.lock:
                cluster.store.version += 5  # written elsewhere, and forgotten at once
                cluster.store.forget_history()
            async for _ in watch:
                pass


async def read(kube: KubeClient, since: str, count: int) -> list[Event]:
    """Return the first events of a watch."""
    async with aclosing(kube.watch(CONFIG_MAPS, "", Select(), since)) as watch:
        return [await anext(watch) for _ in range(count)]


async def test_apply_creates_changes_and_takes_back_only_its_own(kube: KubeClient) -> None:
    await kube.apply(CONFIG_MAPS, config_map("a", mine="1", also="1"), "ns")
    await kube.patch(CONFIG_MAPS, "a", "ns", {"data": {"theirs": "1"}})
    await kube.apply(CONFIG_MAPS, config_map("a", mine="2"), "ns")
    assert (await kube.get(CONFIG_MAPS, "a", "ns"))["data"] == {"mine": "2", "theirs": "1"}


async def test_apply_over_what_another_manager_applied_is_a_conflict(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    await kube.apply(CONFIG_MAPS, config_map("a", x="1"), "ns")
    owners = cluster.store.owners[("configmaps", "ns", "a")]
    owners["helm"] = owners.pop("argoexec")
    with pytest.raises(ConflictError, match='conflict with "helm"'):
        await kube.apply(CONFIG_MAPS, config_map("a", x="2"), "ns")
    await kube.apply(CONFIG_MAPS, config_map("a", x="2"), "ns", force=True)
    assert (await kube.get(CONFIG_MAPS, "a", "ns"))["data"] == {"x": "2"}


async def test_who_may_not_is_told_which_rule_is_missing(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.rbac = True
    with pytest.raises(DeniedError) as caught:
        await kube.patch(TASK_SETS, "wf", "argo", {}, "status")
    assert caught.value.message == "may not patch workflowtasksets/status wf in namespace argo"
    assert caught.value.hint == (
        'add to a Role in argo: {apiGroups: ["argoproj.io"], '
        'resources: ["workflowtasksets/status"], verbs: ["patch"]}'
    )
    with pytest.raises(DeniedError) as caught:
        await kube.list(PODS)
    assert caught.value.message == "may not list pods in all namespaces"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (401, ArgoexecError),
        (409, ConflictError),
        (410, GoneError),
        (413, TooLargeError),
        (422, InvalidError),
        (500, UnavailableError),
        (503, UnavailableError),
        (CUT, UnavailableError),
    ],
)
async def test_every_code_has_an_error_of_ours(
    kube: KubeClient, cluster: FakeCluster, code: int, error: type[ArgoexecError]
) -> None:
    cluster.add(CONFIG_MAPS, config_map("a"))
    cluster.fail(code, "patch")
    with pytest.raises(error):
        await kube.patch(CONFIG_MAPS, "a", "default", {})
    assert await kube.patch(CONFIG_MAPS, "a", "default", {})


async def test_a_server_with_too_much_to_do_says_when_to_come_back(
    kube: KubeClient, cluster: FakeCluster
) -> None:
    cluster.fail(429, retry_after=7)
    with pytest.raises(ThrottledError) as caught:
        await kube.list(PODS)
    assert caught.value.retry_after_s == 7


async def test_a_request_that_is_too_large(kube: KubeClient, cluster: FakeCluster) -> None:
    cluster.largest_request = 1000
    with pytest.raises(TooLargeError):
        await kube.create(CONFIG_MAPS, config_map("a", x="x" * 2000), "ns")


async def test_a_kind_that_the_cluster_lacks(kube: KubeClient, cluster: FakeCluster) -> None:
    lacking = TASK_SETS._replace(plural="nonsense")
    with pytest.raises(NotFoundError, match=r"has no nonsense \(argoproj\.io/v1alpha1\)"):
        await kube.list(lacking)


async def test_logs_with_times_tail_and_follow(kube: KubeClient, cluster: FakeCluster) -> None:
    cluster.add(PODS, {"metadata": {"name": "p"}, "spec": {}}, namespace="ns")
    with pytest.raises(NotReadyError):
        await all_of(kube, LogWanted("main"))
    key = ("ns", "p", "main")
    cluster.pod_logs.write(key, b"one\ntwo\n", 1_700_000_000_000_000_001)
    text = await all_of(kube, LogWanted("main"))
    assert text.splitlines()[0] == b"2023-11-14T22:13:20.000000001Z one"
    assert (await all_of(kube, LogWanted("main", tail_lines=1))).endswith(b" two\n")
    following = asyncio.ensure_future(all_of(kube, LogWanted("main", follow=True)))
    await asyncio.sleep(0.05)
    cluster.pod_logs.write(key, b"three\n", 1_700_000_001_000_000_000)
    cluster.pod_logs.end(key)
    assert (await following).endswith(b"2023-11-14T22:13:21.000000000Z three\n")


async def all_of(kube: KubeClient, wanted: LogWanted) -> bytes:
    """Return a log as one piece."""
    return b"".join([piece async for piece in kube.logs("p", "ns", wanted)])
