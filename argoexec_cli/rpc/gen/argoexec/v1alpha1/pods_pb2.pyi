from google.protobuf import timestamp_pb2 as _timestamp_pb2
from argoexec_cli.rpc.gen.k8s import pod_pb2 as _pod_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PodRef(_message.Message):
    __slots__ = ("namespace", "name", "uid")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ...) -> None: ...

class Outputs(_message.Message):
    __slots__ = ("container", "result", "exit_code", "parameters")
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    container: str
    result: bool
    exit_code: bool
    parameters: _containers.RepeatedCompositeFieldContainer[FileParameter]
    def __init__(self, container: _Optional[str] = ..., result: bool = ..., exit_code: bool = ..., parameters: _Optional[_Iterable[_Union[FileParameter, _Mapping]]] = ...) -> None: ...

class FileParameter(_message.Message):
    __slots__ = ("name", "path", "default")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: str
    default: str
    def __init__(self, name: _Optional[str] = ..., path: _Optional[str] = ..., default: _Optional[str] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("volume", "path", "content", "mode")
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    volume: str
    path: str
    content: str
    mode: int
    def __init__(self, volume: _Optional[str] = ..., path: _Optional[str] = ..., content: _Optional[str] = ..., mode: _Optional[int] = ...) -> None: ...

class PodOutputs(_message.Message):
    __slots__ = ("result", "exit_code", "parameters")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    result: str
    exit_code: int
    parameters: _containers.RepeatedCompositeFieldContainer[OutputParameter]
    def __init__(self, result: _Optional[str] = ..., exit_code: _Optional[int] = ..., parameters: _Optional[_Iterable[_Union[OutputParameter, _Mapping]]] = ...) -> None: ...

class OutputParameter(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class PodRecord(_message.Message):
    __slots__ = ("pod", "outputs", "revision", "events")
    POD_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    pod: _pod_pb2.Pod
    outputs: PodOutputs
    revision: int
    events: _containers.RepeatedCompositeFieldContainer[PodEvent]
    def __init__(self, pod: _Optional[_Union[_pod_pb2.Pod, _Mapping]] = ..., outputs: _Optional[_Union[PodOutputs, _Mapping]] = ..., revision: _Optional[int] = ..., events: _Optional[_Iterable[_Union[PodEvent, _Mapping]]] = ...) -> None: ...

class PodEvent(_message.Message):
    __slots__ = ("time", "type", "reason", "message", "count", "container")
    TIME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    type: str
    reason: str
    message: str
    count: int
    container: str
    def __init__(self, time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., type: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., count: _Optional[int] = ..., container: _Optional[str] = ...) -> None: ...
