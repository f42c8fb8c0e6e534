"""What travels about pods, beside the pod itself: references, records, events, questions.

Pairs of functions, one for each direction; `x_from_message(x_to_message(x)) == x`. What the
server receives is checked: `InvalidError` names the field. What a server answers is not.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from google.protobuf.message import Message

from argoexec_cli.models.base import FieldError, UnknownFieldError
from argoexec_cli.models.executor import Capacity, ExecutorInfo
from argoexec_cli.models.record import (
    File,
    FileParameter,
    OutputParameter,
    OutputsWanted,
    PodEvent,
    PodOutputs,
    PodRecord,
    PodRef,
    PodRequest,
)
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, info_pb2, pods_pb2
from argoexec_cli.rpc.objects import (
    companions_from_message,
    config_map_to_message,
    secret_to_message,
)
from argoexec_cli.rpc.pods import pod_from_answer, pod_from_message, pod_to_message
from argoexec_cli.rpc.reading import read_time
from argoexec_cli.rpc.shapes import unknown_numbers
from argoexec_cli.rpc.writing import write_time


def refuse_unknown(message: Message, path: str = "") -> None:
    """Refuse what a newer client says and this version cannot know; see `rpc.reading` for pods."""
    for number in unknown_numbers(message):
        name = f"{path}.#{number}" if path else f"#{number}"
        raise UnknownFieldError(name, hint="the client is newer than the server")


def ref_to_message(ref: PodRef) -> pods_pb2.PodRef:
    """Return the message for *ref*."""
    return pods_pb2.PodRef(namespace=ref.namespace, name=ref.name, uid=ref.uid)


def ref_from_message(message: pods_pb2.PodRef) -> PodRef:
    """Return the reference; an empty namespace is "default", an empty name is refused."""
    refuse_unknown(message, "ref")
    if not message.name:
        raise FieldError("ref.name", "required")
    return PodRef(namespace=message.namespace or "default", name=message.name, uid=message.uid)


def request_to_message(request: PodRequest) -> executor_pb2.RunPodRequest:
    """Return the message for *request*."""
    wanted = request.outputs
    return executor_pb2.RunPodRequest(
        pod=pod_to_message(request.pod),
        outputs=pods_pb2.Outputs(
            container=wanted.container,
            result=wanted.result,
            exit_code=wanted.exit_code,
            parameters=[
                pods_pb2.FileParameter(name=one.name, path=one.path, default=one.default)
                for one in wanted.parameters
            ],
        ),
        files=[
            pods_pb2.File(volume=file.volume, path=file.path, content=file.content, mode=file.mode)
            for file in request.files
        ],
        config_maps=[config_map_to_message(one) for one in request.config_maps],
        secrets=[secret_to_message(one) for one in request.secrets],
    )


def request_from_message(message: executor_pb2.RunPodRequest) -> PodRequest:
    """Return the request. `UnknownFieldError` for what it says and is not implemented."""
    refuse_unknown(message)
    wanted = message.outputs
    refuse_unknown(wanted, "outputs")
    beside = companions_from_message(message)
    return PodRequest(
        pod=pod_from_message(message.pod),
        outputs=OutputsWanted(
            result=wanted.result,
            exit_code=wanted.exit_code,
            container=wanted.container,
            parameters=tuple(
                _file_parameter(one, f"outputs.parameters[{place}]")
                for place, one in enumerate(wanted.parameters)
            ),
        ),
        files=tuple(_file(file, f"files[{place}]") for place, file in enumerate(message.files)),
        config_maps=beside.config_maps,
        secrets=beside.secrets,
    )


def record_to_message(record: PodRecord) -> pods_pb2.PodRecord:
    """Return the message for *record*."""
    message = pods_pb2.PodRecord(pod=pod_to_message(record.pod), revision=record.revision)
    outputs = record.outputs
    if outputs.result is not None:
        message.outputs.result = outputs.result
    if outputs.exit_code is not None:
        message.outputs.exit_code = int(outputs.exit_code)
    for one in outputs.parameters:
        message.outputs.parameters.add(name=one.name, value=one.value)
    if record.events:
        message.events.extend(_event_to_message(event) for event in record.events)
    return message


def record_from_message(message: pods_pb2.PodRecord) -> PodRecord:
    """Return the record that a server sent."""
    return PodRecord(
        pod=pod_from_answer(message.pod),
        outputs=_outputs(message.outputs) if message.HasField("outputs") else PodOutputs(),
        events=tuple(_event_from_message(event) for event in message.events),
        revision=message.revision,
    )


def info_to_message(info: ExecutorInfo) -> info_pb2.GetInfoResponse:
    """Return the message for *info*."""
    held = info.capacity
    return info_pb2.GetInfoResponse(
        name=info.name,
        version=info.version,
        protocol_version=info.protocol,
        runtime_name=info.runtime,
        runtime_version=info.runtime_version,
        capabilities=info.capabilities,
        supported_pod_fields=info.supported_pod_fields,
        granted=info.granted,
        capacity=info_pb2.Capacity(
            cpu_millicores=held.cpu_millicores,
            memory_bytes=held.memory_bytes,
            pods_max=held.max_pods,
            running=held.running_pods,
            queued=held.queued_pods,
        ),
    )


def info_from_message(message: info_pb2.GetInfoResponse) -> ExecutorInfo:
    """Return what a server says about itself."""
    held = message.capacity
    return ExecutorInfo(
        name=message.name,
        version=message.version,
        protocol=message.protocol_version,
        runtime=message.runtime_name,
        runtime_version=message.runtime_version,
        capabilities=tuple(message.capabilities),
        supported_pod_fields=tuple(message.supported_pod_fields),
        granted=tuple(message.granted),
        capacity=Capacity(
            cpu_millicores=held.cpu_millicores,
            memory_bytes=held.memory_bytes,
            max_pods=held.pods_max,
            running_pods=held.running,
            queued_pods=held.queued,
        ),
    )


def _file(message: pods_pb2.File, path: str) -> File:
    refuse_unknown(message, path)
    fields: dict[str, Any] = {"mode": message.mode} if message.HasField("mode") else {}
    return File(volume=message.volume, path=message.path, content=message.content, **fields)


def _file_parameter(message: pods_pb2.FileParameter, path: str) -> FileParameter:
    refuse_unknown(message, path)
    default = message.default if message.HasField("default") else None
    return FileParameter(name=message.name, path=message.path, default=default)


def _outputs(message: pods_pb2.PodOutputs) -> PodOutputs:
    return PodOutputs(
        result=message.result if message.HasField("result") else None,
        exit_code=str(message.exit_code) if message.HasField("exit_code") else None,
        parameters=tuple(
            OutputParameter(name=one.name, value=one.value) for one in message.parameters
        ),
    )


def _event_to_message(event: PodEvent) -> pods_pb2.PodEvent:
    # The stubs know no dict for a message of a well-known type; the runtime does.
    return pods_pb2.PodEvent(
        time=cast("Any", write_time(event.time)),
        type=event.type,
        reason=event.reason,
        message=event.message,
        count=event.count,
        container=event.container,
    )


def _event_from_message(message: pods_pb2.PodEvent) -> PodEvent:
    time = read_time(message.time)
    if time is None:
        raise FieldError("events.time", "required")
    return PodEvent(
        time=time,
        type=cast('Literal["Normal", "Warning"]', message.type or "Normal"),
        reason=message.reason,
        message=message.message,
        container=message.container,
        count=message.count or 1,
    )
