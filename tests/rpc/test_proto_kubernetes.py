"""Pods as Kubernetes writes them, encoded here by hand, decode into the right fields."""

import pytest

from argoexec_cli.rpc.gen.k8s import (
    config_pb2,
    container_pb2,
    meta_pb2,
    pod_pb2,
    status_pb2,
    volume_pb2,
)


def varint(number: int) -> bytes:
    """Encode *number* as protobuf does: seven bits a byte, the lowest first."""
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: int | str | bytes) -> bytes:
    """Encode one field: an integer as a varint, text and nested messages with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def unknown_in(message: pod_pb2.Pod) -> int:
    """Count the bytes that *message* carries in fields that we do not declare."""
    before = message.ByteSize()
    known = pod_pb2.Pod()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return before - known.ByteSize()


def test_a_minimal_pod_by_hand() -> None:
    raw = bytes.fromhex(
        "0a 0c"  # metadata = 1, 12 bytes
        "  0a 02 70 31"  # name = 1: "p1"
        "  5a 06 0a 01 61 12 01 62"  # labels = 11: entry a -> b
        "12 14"  # spec = 2, 20 bytes
        "  12 09 0a 01 6d 12 04 62 75 73 79"  # containers = 2: name = 1 "m", image = 2 "busy"
        "  1a 05 4e 65 76 65 72"  # restartPolicy = 3: "Never"
        "  20 00"  # terminationGracePeriodSeconds = 4: 0, which counts
    )
    pod = pod_pb2.Pod.FromString(raw)
    assert (pod.metadata.name, dict(pod.metadata.labels)) == ("p1", {"a": "b"})
    assert [(c.name, c.image) for c in pod.spec.containers] == [("m", "busy")]
    assert pod.spec.restartPolicy == "Never"
    assert pod.spec.HasField("terminationGracePeriodSeconds")
    assert not pod.spec.HasField("activeDeadlineSeconds")
    assert unknown_in(pod) == 0


def test_container_fields_have_kubernetes_numbers() -> None:
    quantity = field(1, "500m")
    secret_key = field(1, field(1, "creds")) + field(2, "token") + field(3, 1)
    container = b"".join(
        [
            field(1, "main"),
            field(3, "sh"),
            field(4, "-c"),
            field(4, "true"),
            field(5, "/w"),
            field(7, field(1, "A") + field(2, "x")),
            field(7, field(1, "B") + field(3, field(4, secret_key))),
            field(8, field(1, field(1, "cpu") + field(2, quantity))),
            field(9, field(1, "v") + field(2, 1) + field(3, "/d") + field(4, "sub")),
            field(14, "IfNotPresent"),
            field(15, field(1, field(2, "ALL")) + field(4, 0) + field(6, 1) + field(8, 7)),
            field(18, 1),
            field(19, field(1, "P_") + field(2, field(1, field(1, "settings")))),
        ]
    )
    pod = pod_pb2.Pod.FromString(field(2, field(20, container)))
    init = pod.spec.initContainers[0]
    assert (list(init.command), list(init.args), init.workingDir) == (["sh"], ["-c", "true"], "/w")
    assert init.env[0].value == "x"
    key = init.env[1].valueFrom.secretKeyRef
    assert (key.localObjectReference.name, key.key, key.optional) == ("creds", "token", True)
    assert init.resources.limits["cpu"].string == "500m"
    mount = init.volumeMounts[0]
    assert (mount.name, mount.readOnly, mount.mountPath, mount.subPath) == ("v", True, "/d", "sub")
    assert init.imagePullPolicy == "IfNotPresent"
    context = init.securityContext
    assert context.HasField("runAsUser") and (context.runAsUser, context.runAsGroup) == (0, 7)
    assert context.readOnlyRootFilesystem and list(context.capabilities.drop) == ["ALL"]
    assert init.tty
    assert init.envFrom[0].configMapRef.localObjectReference.name == "settings"
    assert unknown_in(pod) == 0


def test_volumes_have_kubernetes_numbers() -> None:
    scratch = field(1, "v") + field(2, field(2, field(1, "Memory") + field(2, field(1, "1Mi"))))
    item = field(1, "k") + field(2, "file") + field(3, 0o400)
    source = field(3, field(1, field(1, "settings")) + field(2, item))
    projected = field(1, "p") + field(2, field(26, field(1, source) + field(2, 0o440)))
    pod = pod_pb2.Pod.FromString(field(2, field(1, scratch) + field(1, projected)))
    memory, both = (volume.volumeSource for volume in pod.spec.volumes)
    assert (memory.emptyDir.medium, memory.emptyDir.sizeLimit.string) == ("Memory", "1Mi")
    assert both.projected.defaultMode == 0o440
    file = both.projected.sources[0].configMap.items[0]
    assert (file.key, file.path, file.mode) == ("k", "file", 0o400)
    assert unknown_in(pod) == 0


def test_status_has_kubernetes_numbers() -> None:
    time = field(1, 1_700_000_000) + field(2, 5)
    ended = field(1, 137) + field(2, 9) + field(3, "OOMKilled") + field(5, time) + field(6, time)
    state = field(1, "main") + field(2, field(3, ended)) + field(5, 2) + field(8, "docker://x")
    condition = field(1, "Ready") + field(2, "False") + field(4, time)
    raw = field(1, "Failed") + field(2, condition) + field(6, "10.0.0.2") + field(8, state)
    pod = pod_pb2.Pod.FromString(field(3, raw + field(12, field(1, "10.0.0.2"))))
    status = pod.status.containerStatuses[0]
    done = status.state.terminated
    assert (done.exitCode, done.signal, done.reason) == (137, 9, "OOMKilled")
    assert (done.finishedAt.seconds, done.finishedAt.nanos) == (1_700_000_000, 5)
    assert (status.restartCount, status.containerID) == (2, "docker://x")
    assert pod.status.conditions[0].lastTransitionTime.seconds == 1_700_000_000
    assert (pod.status.phase, pod.status.podIPs[0].ip) == ("Failed", "10.0.0.2")
    assert unknown_in(pod) == 0


def test_objects_that_travel_with_a_pod_carry_bytes() -> None:
    entry = field(1, "k") + field(2, b"\xff\x00")
    secret = config_pb2.Secret.FromString(field(1, field(1, "s")) + field(2, entry))
    assert (secret.metadata.name, secret.data["k"]) == ("s", b"\xff\x00")
    settings = config_pb2.ConfigMap.FromString(field(2, field(1, "a") + field(2, "b")))
    assert dict(settings.data) == {"a": "b"}


def test_a_field_we_do_not_implement_is_seen_by_name() -> None:
    probe = field(1, field(1, field(1, "true"))) + field(2, 3)
    container = field(1, "main") + field(10, probe)
    pod = pod_pb2.Pod.FromString(field(2, field(2, container) + field(18, field(1, b""))))
    assert "affinity" in [descriptor.name for descriptor, _ in pod.spec.ListFields()]
    assert pod.spec.containers[0].HasField("livenessProbe")
    assert not pod.spec.containers[0].HasField("lifecycle")


@pytest.mark.parametrize(
    ("message", "highest", "gaps"),
    [
        (pod_pb2.PodSpec, 43, set()),
        (pod_pb2.PodSecurityContext, 13, set()),
        (container_pb2.Container, 25, set()),
        (container_pb2.SecurityContext, 12, set()),
        (volume_pb2.VolumeSource, 30, set()),
        (status_pb2.PodStatus, 21, set()),
        (status_pb2.ContainerStatus, 15, set()),
        (meta_pb2.ObjectMeta, 17, set()),
        (meta_pb2.OwnerReference, 7, {2}),
    ],
    ids=lambda value: value.DESCRIPTOR.name if hasattr(value, "DESCRIPTOR") else "",
)
def test_every_number_up_to_the_newest_is_declared(
    message: type[pod_pb2.PodSpec], highest: int, gaps: set[int]
) -> None:
    numbers = set(message.DESCRIPTOR.fields_by_number)
    assert set(range(1, highest + 1)) - numbers == gaps
    assert max(numbers) == highest
