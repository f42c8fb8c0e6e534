"""A pod over the wire and back, and the refusal of everything that is not implemented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor

from argoexec_cli.errors import UnsupportedError
from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.meta import ObjectMeta
from argoexec_cli.models.pod import (
    Container,
    EmptyDirVolumeSource,
    EnvVar,
    Pod,
    PodSpec,
    ResourceRequirements,
    Volume,
    VolumeMount,
)
from argoexec_cli.models.status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    PodCondition,
    PodStatus,
)
from argoexec_cli.rpc.gen.k8s import pod_pb2
from argoexec_cli.rpc.pods import pod_from_answer, pod_from_message, pod_to_message
from argoexec_cli.rpc.shapes import EMBEDDED
from argoexec_cli.rpc.tolerance import DEFAULTS, EMPTY, IGNORED, ZERO_COUNTS

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
BARE = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec((Container(name="main", image="busybox"),)))
FULL = Pod(
    metadata=ObjectMeta(
        name="p",
        generate_name="p-",
        namespace="n",
        uid="u",
        creation_timestamp=NOW,
        labels={"a": "b"},
        annotations={"c": "d", "é": "…"},
    ),
    spec=PodSpec(
        containers=(
            Container(
                name="main",
                image="busybox@sha256:00",
                image_pull_policy="Always",
                command=("sh", "-c"),
                args=("echo", ""),
                working_dir="/w",
                env=(EnvVar(name="A", value="1"), EnvVar(name="EMPTY")),
                resources=ResourceRequirements(limits={"cpu": "1"}, requests={"memory": "64Mi"}),
                volume_mounts=(VolumeMount(name="v", mount_path="/v", read_only=True),),
            ),
            Container(name="second", image="x"),
        ),
        init_containers=(Container(name="init", image="y"),),
        volumes=(Volume(name="v", empty_dir=EmptyDirVolumeSource()), Volume(name="none")),
        restart_policy="OnFailure",
        active_deadline_seconds=0,
        termination_grace_period_seconds=2**40,
    ),
    status=PodStatus(
        phase="Running",
        reason="r",
        message="m",
        conditions=(PodCondition(type="Ready", status="True", last_transition_time=NOW),),
        host_ip="1.2.3.4",
        pod_ip="::1",
        start_time=NOW,
        container_statuses=(
            ContainerStatus(
                name="main",
                state=ContainerState(running=ContainerStateRunning(started_at=NOW)),
                last_state=ContainerState(
                    terminated=ContainerStateTerminated(
                        exit_code=0, signal=9, started_at=NOW, finished_at=NOW, container_id="c"
                    )
                ),
                ready=True,
                started=False,
                restart_count=1,
                image_id="i",
                container_id="c",
            ),
            ContainerStatus(
                name="second", state=ContainerState(waiting=ContainerStateWaiting(reason="x"))
            ),
        ),
    ),
)


def wire(**fields: Any) -> pod_pb2.Pod:
    """Make the message of a bare pod and set *fields* of its spec."""
    message = pod_to_message(BARE)
    message.spec.MergeFrom(pod_pb2.PodSpec(**fields))
    return message


def test_everything_that_a_pod_can_say_comes_back() -> None:
    message = pod_pb2.Pod.FromString(pod_to_message(FULL).SerializeToString())
    assert pod_from_answer(message) == FULL
    assert message.spec.volumes[0].volumeSource.HasField("emptyDir")
    assert message.spec.containers[0].resources.limits["cpu"].string == "1"


def test_a_request_leaves_the_status_out() -> None:
    message = pod_to_message(FULL)
    pod = pod_from_message(message)
    assert pod.status == PodStatus()
    assert (pod.metadata, pod.spec) == (FULL.metadata, FULL.spec)


@pytest.mark.parametrize(
    ("written", "read"), [(1, "1"), (0.5, "0.5"), ("100m", "100m"), (2**40, str(2**40))]
)
def test_quantities_travel_as_the_text_that_was_written(written: Any, read: str) -> None:
    resources = ResourceRequirements(limits={"cpu": written})
    pod = Pod(spec=PodSpec((Container(name="a", image="b", resources=resources),)))
    back = pod_from_message(pod_to_message(pod))
    assert back.spec.containers[0].resources.limits == {"cpu": read}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-7))),
    ],
    ids=str,
)
def test_times_are_exact_to_the_microsecond(moment: datetime) -> None:
    pod = Pod(metadata=ObjectMeta(creation_timestamp=moment), spec=BARE.spec)
    assert pod_from_answer(pod_to_message(pod)).metadata.creation_timestamp == moment


def test_a_time_without_a_zone_is_utc() -> None:
    naive = NOW.replace(tzinfo=None)
    pod = Pod(metadata=ObjectMeta(creation_timestamp=naive), spec=BARE.spec)
    assert pod_from_answer(pod_to_message(pod)).metadata.creation_timestamp == NOW


def test_the_empty_time_that_go_writes_is_no_time() -> None:
    message = pod_to_message(BARE)
    message.metadata.creationTimestamp.SetInParent()
    assert pod_from_message(message) == BARE


def test_a_time_that_does_not_exist_is_refused() -> None:
    message = pod_to_message(BARE)
    message.metadata.creationTimestamp.seconds = 2**60
    with pytest.raises(FieldError, match="is not a time"):
        pod_from_message(message)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"containers": [{"lifecycle": {}}]}, "spec.containers[1].lifecycle"),
        ({"containers": [{"volumeDevices": [{}]}]}, "spec.containers[1].volumeDevices"),
        ({"containers": [{"startupProbe": {}}]}, "spec.containers[1].startupProbe"),
        (
            {"containers": [{"securityContext": {"seccompProfile": {}}}]},
            "spec.containers[1].securityContext.seccompProfile",
        ),
        ({"containers": [{"resizePolicy": [{}]}]}, "spec.containers[1].resizePolicy"),
        ({"volumes": [{"volumeSource": {"nfs": {}}}]}, "spec.volumes[0].nfs"),
        ({"volumes": [{"volumeSource": {"csi": {}}}]}, "spec.volumes[0].csi"),
        ({"affinity": {}}, "spec.affinity"),
        ({"tolerations": [{}]}, "spec.tolerations"),
        ({"nodeSelector": {"a": "b"}}, "spec.nodeSelector"),
        ({"hostPID": True}, "spec.hostPID"),
        ({"hostUsers": False}, "spec.hostUsers"),
        ({"runtimeClassName": "kata"}, "spec.runtimeClassName"),
        ({"securityContext": {"sysctls": [{}]}}, "spec.securityContext.sysctls"),
        ({"serviceAccountName": "builder"}, "spec.serviceAccountName"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_that_is_not_implemented_is_refused_by_its_path(fields: Any, path: str) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        pod_from_message(wire(**fields))
    assert caught.value.path == path


@pytest.mark.parametrize(
    "fields",
    [
        {"hostNetwork": False, "hostPID": False, "hostIPC": False, "nodeName": ""},
        {"schedulerName": "default-scheduler"},
        {"securityContext": {}, "enableServiceLinks": True, "priority": 0},
        {"serviceAccountName": "default", "serviceAccount": "default"},
        {"automountServiceAccountToken": False, "preemptionPolicy": "PreemptLowerPriority"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_go_and_a_cluster_add_without_saying_anything_is_taken(fields: Any) -> None:
    assert pod_from_message(wire(**fields)) == BARE


def test_defaults_of_a_container_are_taken() -> None:
    message = pod_to_message(BARE)
    container = message.spec.containers[0]
    container.stdin = container.stdinOnce = container.tty = False
    container.terminationMessagePath = "/dev/termination-log"
    container.terminationMessagePolicy = "File"
    container.resources.SetInParent()
    assert pod_from_message(message) == BARE


def test_a_clusters_own_metadata_is_left_out() -> None:
    message = pod_to_message(BARE)
    meta = message.metadata
    meta.resourceVersion, meta.generation, meta.selfLink = "7", 3, "/x"
    meta.ownerReferences.add(kind="Workflow", name="w", uid="u", apiVersion="a")
    meta.finalizers.append("f")
    meta.managedFields.add()
    meta.deletionTimestamp.seconds = 5
    assert pod_from_message(message) == BARE


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda m: m, "#1023"),
        (lambda m: m.spec, "spec.#1023"),
        (lambda m: m.spec.containers[0], "spec.containers[0].#1023"),
        (lambda m: m.metadata, "metadata.#1023"),
        (lambda m: m.spec.volumes.add(name="v").volumeSource, "spec.volumes[0].#1023"),
    ],
    ids=["pod", "spec", "container", "metadata", "volume"],
)
def test_a_field_of_a_newer_kubernetes_is_refused_by_its_number(place: Any, path: str) -> None:
    message = pod_to_message(BARE)
    place(message).MergeFromString(b"\xf8\x3f\x01")
    with pytest.raises(UnknownFieldError) as caught:
        pod_from_message(message)
    assert caught.value.path == path
    assert "newer" in caught.value.hint


def test_a_value_that_is_wrong_is_refused_as_in_a_file() -> None:
    with pytest.raises(FieldError, match=r"spec\.restartPolicy: invalid enum value 'Always'"):
        pod_from_message(wire(restartPolicy="Always"))
    with pytest.raises(FieldError, match="missing required field"):
        pod_from_message(pod_pb2.Pod(spec={"containers": [{"name": "a"}]}))
    with pytest.raises(FieldError, match="missing required field spec"):
        pod_from_message(pod_pb2.Pod())


@pytest.mark.parametrize(
    "spec",
    [
        PodSpec(BARE.spec.containers, active_deadline_seconds=2**70),
        PodSpec((Container(name="a", image="\ud800"),)),
    ],
    ids=["number", "text"],
)
def test_what_the_wire_cannot_hold_is_refused_before_it_is_sent(spec: PodSpec) -> None:
    with pytest.raises(FieldError, match="the pod cannot be sent"):
        pod_to_message(Pod(spec=spec))


def test_what_only_a_newer_server_says_is_left_out_of_its_answer() -> None:
    message = pod_to_message(FULL)
    message.status.nominatedNodeName = "n"
    message.spec.containers[0].lifecycle.SetInParent()
    message.status.MergeFromString(b"\xf8\x3f\x01")
    assert pod_from_answer(message) == FULL


def test_an_answer_that_cannot_be_understood_hints_at_versions() -> None:
    message = pod_to_message(FULL)
    message.status.phase = "Dreaming"
    with pytest.raises(UnsupportedError, match=r"status\.phase") as caught:
        pod_from_answer(message)
    assert "argoexec version" in caught.value.hint


def messages_below(message: Any, found: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """Collect *message* and every message that it can hold, by name."""
    if message.full_name not in found:
        found[message.full_name] = message
        for field in message.fields:
            if field.message_type is not None:
                messages_below(field.message_type, found)
    return found


@pytest.mark.parametrize("table", [IGNORED, DEFAULTS], ids=["IGNORED", "DEFAULTS"])
def test_the_tables_name_fields_that_exist(table: dict[str, dict[str, object]]) -> None:
    found = messages_below(pod_pb2.Pod.DESCRIPTOR, {})
    for message, fields in table.items():
        assert set(fields) <= set(found[message].fields_by_name)


def test_the_other_tables_too() -> None:
    found = messages_below(pod_pb2.Pod.DESCRIPTOR, {})
    names = {field.name for message in found.values() for field in message.fields}
    assert set(found) >= EMPTY
    assert names >= ZERO_COUNTS
    assert names >= set(EMBEDDED)
