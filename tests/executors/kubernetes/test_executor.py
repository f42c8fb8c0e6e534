"""The kubernetes executor: the suite of all executors, and what is its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from argoexec_cli.errors import AlreadyExistsError, InvalidError, NotFoundError
from argoexec_cli.executors.kubernetes.executor import KubernetesExecutor, open_kubernetes
from argoexec_cli.executors.kubernetes.sweep import Keeping
from argoexec_cli.executors.local.policy import Policy
from argoexec_cli.kube.client import KubeClient
from argoexec_cli.kube.resources import CONFIG_MAPS, PODS, SECRETS, Resource
from argoexec_cli.models.base import decode
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.executor import Executor
from argoexec_cli.models.logs import STDOUT, LogQuery
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import EnvVar, Pod, PodSpec, Volume, VolumeMount
from argoexec_cli.models.record import (
    FileParameter,
    OutputParameter,
    OutputsWanted,
    PodQuery,
    PodRef,
    PodRequest,
)
from argoexec_cli.models.sources import EnvFromSource, EnvVarSource
from tests.executors.conformance import ExecutorConformance, Reopen
from tests.executors.pods import chunks, container, ended, request, run
from tests.kube.cluster import FakeCluster
from tests.kube.kubelet import running_kubelet


class Opening:
    """Opens executors on one cluster, one after the other."""

    def __init__(self, kubeconfig: Path) -> None:
        """Open none yet."""
        self._kubeconfig = kubeconfig
        self._stack = AsyncExitStack()

    async def open(self) -> KubernetesExecutor:
        """Close the one that is open, and open the next."""
        await self.close()
        return await self._stack.enter_async_context(open_kubernetes([self._kubeconfig]))

    async def close(self) -> None:
        """Close the one that is open."""
        await self._stack.aclose()


@pytest_asyncio.fixture
async def opening(cluster: FakeCluster, kubeconfig: Path, tmp_path: Path) -> AsyncIterator[Opening]:
    """Give what opens executors on a cluster where a kubelet runs."""
    cluster.split_streams = True
    async with running_kubelet(cluster, tmp_path / "kubelet"):
        opening = Opening(kubeconfig)
        yield opening
        await opening.close()


@pytest_asyncio.fixture
async def executor(opening: Opening) -> KubernetesExecutor:
    """Give an open executor."""
    return await opening.open()


@pytest.fixture
def reopen(opening: Opening) -> Reopen:
    """Give what closes the executor and opens it again."""
    return opening.open


class TestKubernetesExecutor(ExecutorConformance):
    """The whole suite, but for what a cluster cannot do."""

    async def test_streams_are_told_apart(self, executor: Executor) -> None:
        record = await run(executor, request("echo out; sleep 0.2; echo err >&2"))
        runs = [run for chunk in await chunks(executor, record.ref) for run in chunk.runs()]
        assert [(run.stream, run.data) for run in runs] == [(STDOUT, b"out\n"), (STDOUT, b"err\n")]

    async def test_what_can_never_run_is_refused(self, executor: Executor) -> None:
        with pytest.raises(InvalidError, match=r"metadata\.name"):
            await executor.run_pod(request(name="Not Valid"))

    @pytest.mark.parametrize("kind", [CONFIG_MAPS, SECRETS], ids=lambda kind: kind.plural)
    async def test_missing(self, executor: Executor, cluster: FakeCluster, kind: Resource) -> None:
        # What does not travel with the pod is the cluster's: it may come later.
        key = "configMapRef" if kind == CONFIG_MAPS else "secretRef"
        source = decode({key: {"name": "late"}}, EnvFromSource)
        main = msgspec.structs.replace(container("echo done"), env_from=(source,))
        ref = (await executor.run_pod(request(spec=PodSpec(containers=(main,))))).ref
        assert (await executor.get_pod(ref)).pod.status.phase == "Pending"
        cluster.add(kind, {"metadata": {"name": "late"}, "data": {}})
        assert (await ended(executor, ref)).pod.status.phase == "Succeeded"


async def test_a_cluster_without_split_streams_has_both_in_the_result(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    cluster.split_streams = False
    record = await run(executor, request("echo out; echo err >&2"))
    assert record.outputs.result == "out\nerr"


async def test_what_travels_with_a_pod_goes_with_it(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    cluster.add(CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {"k": "of the cluster"}})
    sources = (
        EnvVar(
            "A", value_from=decode({"configMapKeyRef": {"name": "c", "key": "k"}}, EnvVarSource)
        ),
        EnvVar("B", value_from=decode({"secretKeyRef": {"name": "s", "key": "k"}}, EnvVarSource)),
    )
    main = msgspec.structs.replace(container("echo $A $B"), env=sources)
    wanted = msgspec.structs.replace(
        request(spec=PodSpec(containers=(main,))),
        config_maps=(ConfigMap(metadata=ObjectMeta(name="c"), data={"k": "of the pod"}),),
        secrets=(Secret(metadata=ObjectMeta(name="s"), string_data={"k": "TOP-SECRET"}),),
    )
    record = await run(executor, wanted)
    assert record.pod.status.phase == "Succeeded"
    pod = cluster.object(PODS, "a", "default")
    assert "TOP-SECRET" not in str(pod)
    assert len(cluster.store.all(SECRETS)) == 1
    await executor.delete_pod(record.ref)
    assert cluster.store.all(SECRETS) == []
    assert [one["metadata"]["name"] for one in cluster.store.all(CONFIG_MAPS)] == ["c"]


async def test_a_pod_of_somebody_else_is_not_ours(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    cluster.kubelet = False
    meta = {"name": "a", "namespace": "default"}
    cluster.add(PODS, {"metadata": meta | {"finalizers": ["x/y"]}, "spec": {"containers": []}})
    with pytest.raises(NotFoundError):
        await executor.delete_pod(PodRef(name="a"))
    assert (await executor.list_pods(PodQuery())).records == ()
    with pytest.raises(AlreadyExistsError, match="not of argoexec's making"):
        await executor.run_pod(request())


async def test_a_pod_that_no_node_has_can_be_stopped(kube: KubeClient) -> None:
    executor = KubernetesExecutor(kube, "http://cluster", Policy())
    ref = (await executor.run_pod(request("sleep 60"))).ref
    await executor.stop_pod(ref)
    status = (await executor.get_pod(ref)).pod.status
    assert (status.phase, status.reason) == ("Failed", "Stopped")
    await executor.delete_pod(ref)
    with pytest.raises(NotFoundError):
        await executor.get_pod(ref)


async def test_a_deletion_by_others_is_seen_though_nobody_watched(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    record = await run(executor, request("true"))
    token = ""
    async for update in executor.watch_pods(PodQuery()):
        token = update.token
        if update.type == "SYNCED":
            break
    cluster.store.remove(PODS, "default", "a")
    kinds = []
    async for update in executor.watch_pods(PodQuery(), token):
        kinds.append(update.type)
        if update.type == "DELETED":
            assert update.record is not None
            assert update.record.ref == record.ref
            break
    assert kinds == ["SYNCED", "DELETED"]


async def test_a_log_goes_on_where_the_connection_was_cut(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    ref = (await executor.run_pod(request("echo 1; sleep 0.5; echo 2; sleep 0.5; echo 3"))).ref
    seen = b""
    async for chunk in executor.pod_logs(ref, LogQuery(follow=True)):
        seen += chunk.data
        if seen == b"1\n":
            cluster.fail(503, "get", "pods", subresource="log", times=2)
            cluster.cut_logs()
    assert seen == b"1\n2\n3\n"


def wanting(script: str, *files: FileParameter, **fields: Any) -> PodRequest:
    """Return a request for a pod whose files are wanted."""
    main = msgspec.structs.replace(container(script), **fields)
    wanted = request(spec=PodSpec(containers=(main,)))
    return msgspec.structs.replace(wanted, outputs=OutputsWanted(parameters=files))


async def test_one_small_file_of_a_container_becomes_a_parameter(
    executor: KubernetesExecutor, cluster: FakeCluster
) -> None:
    wanted = FileParameter(name="p", path="/tmp/p")
    record = await run(executor, wanting("echo 42 > /tmp/p; echo shown", wanted))
    assert record.pod.status.phase == "Succeeded"
    assert record.outputs.parameters == (OutputParameter(name="p", value="42"),)
    (pod,) = cluster.store.all(PODS)
    assert pod["spec"]["containers"][0]["terminationMessagePath"] == "/tmp/p"


async def test_a_file_that_is_not_there_is_the_default_or_a_failure(
    executor: KubernetesExecutor,
) -> None:
    wanted = FileParameter(name="p", path="/tmp/p", default="none")
    record = await run(executor, wanting("true", wanted))
    assert record.outputs.parameters == (OutputParameter(name="p", value="none"),)
    for script, words in (
        ("true", "/tmp/p was not written, or is empty"),
        (f"echo {'x' * 5000} > /tmp/p", "has 4096 bytes or more"),
    ):
        late = msgspec.structs.replace(wanted, default=None)
        failed = msgspec.structs.replace(wanting(script, late), pod=_named(wanting(script, late)))
        status = (await run(executor, failed)).pod.status
        assert (status.phase, status.reason) == ("Failed", "OutputError")
        assert words in status.message


def _named(wanted: PodRequest) -> Pod:
    meta = msgspec.structs.replace(wanted.pod.metadata, name=f"p-{uuid.uuid4().hex[:8]}")
    return msgspec.structs.replace(wanted.pod, metadata=meta)


@pytest.mark.parametrize(
    ("files", "fields", "words"),
    [
        ("ab", {}, "one file of a container"),
        ("a", {"termination_message_path": "/x"}, "terminationMessagePath"),
        ("a", {"volume_mounts": (VolumeMount(name="v", mount_path="/tmp"),)}, "is in a volume"),
    ],
)
async def test_files_that_a_cluster_cannot_give_back_are_refused(
    executor: KubernetesExecutor, files: str, fields: dict[str, Any], words: str
) -> None:
    wanted = [FileParameter(name=name, path=f"/tmp/{name}") for name in files]
    asked = wanting("true", *wanted, **fields)
    if "volume_mounts" in fields:
        spec = msgspec.structs.replace(asked.pod.spec, volumes=(decode(_MEMORY, Volume),))
        asked = msgspec.structs.replace(asked, pod=msgspec.structs.replace(asked.pod, spec=spec))
    with pytest.raises(InvalidError, match=rf"outputs\.parameters.*{words}"):
        await executor.run_pod(asked)


_MEMORY = {"name": "v", "emptyDir": {}}


def names_in(cluster: FakeCluster) -> set[str]:
    """Return the names of all pods of the cluster."""
    return {one["metadata"]["name"] for one in cluster.store.all(PODS)}


async def test_what_ended_long_ago_goes_if_this_daemon_made_it(
    cluster: FakeCluster, kubeconfig: Path, tmp_path: Path
) -> None:
    for name in ("mine", "others"):
        (tmp_path / name).mkdir()
    long = Keeping(tmp_path / "mine", 3600.0, every_s=0.05)
    async with (
        running_kubelet(cluster, tmp_path / "kubelet"),
        open_kubernetes([kubeconfig], keeping=long._replace(data_dir=tmp_path / "others")) as other,
        open_kubernetes([kubeconfig]) as nobody,
    ):
        await run(other, request("true", name="of-another"))
        await run(nobody, request("true", name="of-nobody"))
        async with open_kubernetes([kubeconfig], keeping=long) as mine:
            await run(mine, request("true", name="ended"))
            await mine.run_pod(request("sleep 60", name="running"))
            ref = (await mine.run_pod(request("sleep 60", name="stopped"))).ref
            await mine.stop_pod(ref)
            await ended(mine, ref)
            await asyncio.sleep(0.3)  # several sweeps
            assert {"ended", "stopped"} <= names_in(cluster)
        async with open_kubernetes([kubeconfig], keeping=long._replace(seconds=0.0)):
            async with asyncio.timeout(60):
                while names_in(cluster) & {"ended", "stopped"}:  # noqa: ASYNC110 - a thread's
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
        assert names_in(cluster) == {"of-another", "of-nobody", "running"}


async def test_nothing_is_swept_where_the_daemon_has_made_no_pod(
    cluster: FakeCluster, kubeconfig: Path, tmp_path: Path
) -> None:
    async with open_kubernetes([kubeconfig], keeping=Keeping(tmp_path, 0.0, every_s=0.05)):
        await asyncio.sleep(0.3)
    assert cluster.asked == []
