from argoexec_cli.rpc.gen.argoexec.v1alpha1 import info_pb2 as _info_pb2
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import logs_pb2 as _logs_pb2
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import pods_pb2 as _pods_pb2
from argoexec_cli.rpc.gen.k8s import config_pb2 as _config_pb2
from argoexec_cli.rpc.gen.k8s import pod_pb2 as _pod_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunPodRequest(_message.Message):
    __slots__ = ("pod", "config_maps", "secrets", "outputs", "files")
    POD_FIELD_NUMBER: _ClassVar[int]
    CONFIG_MAPS_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    pod: _pod_pb2.Pod
    config_maps: _containers.RepeatedCompositeFieldContainer[_config_pb2.ConfigMap]
    secrets: _containers.RepeatedCompositeFieldContainer[_config_pb2.Secret]
    outputs: _pods_pb2.Outputs
    files: _containers.RepeatedCompositeFieldContainer[_pods_pb2.File]
    def __init__(self, pod: _Optional[_Union[_pod_pb2.Pod, _Mapping]] = ..., config_maps: _Optional[_Iterable[_Union[_config_pb2.ConfigMap, _Mapping]]] = ..., secrets: _Optional[_Iterable[_Union[_config_pb2.Secret, _Mapping]]] = ..., outputs: _Optional[_Union[_pods_pb2.Outputs, _Mapping]] = ..., files: _Optional[_Iterable[_Union[_pods_pb2.File, _Mapping]]] = ...) -> None: ...

class RunPodResult(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: _pods_pb2.PodRecord
    def __init__(self, record: _Optional[_Union[_pods_pb2.PodRecord, _Mapping]] = ...) -> None: ...

class GetPodRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: _pods_pb2.PodRef
    def __init__(self, ref: _Optional[_Union[_pods_pb2.PodRef, _Mapping]] = ...) -> None: ...

class GetPodResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: _pods_pb2.PodRecord
    def __init__(self, record: _Optional[_Union[_pods_pb2.PodRecord, _Mapping]] = ...) -> None: ...

class ListPodsRequest(_message.Message):
    __slots__ = ("namespace", "selector", "phase", "limit", "page_token", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    selector: str
    phase: str
    limit: int
    page_token: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., selector: _Optional[str] = ..., phase: _Optional[str] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ListPodsResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_pods_pb2.PodRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[_pods_pb2.PodRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchPodsRequest(_message.Message):
    __slots__ = ("namespace", "name", "selector", "resume_token", "phase")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    selector: str
    resume_token: str
    phase: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., selector: _Optional[str] = ..., resume_token: _Optional[str] = ..., phase: _Optional[str] = ...) -> None: ...

class WatchPodsResponse(_message.Message):
    __slots__ = ("type", "record", "resume_token")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[WatchPodsResponse.Type]
        ADDED: _ClassVar[WatchPodsResponse.Type]
        MODIFIED: _ClassVar[WatchPodsResponse.Type]
        DELETED: _ClassVar[WatchPodsResponse.Type]
        SYNCED: _ClassVar[WatchPodsResponse.Type]
    TYPE_UNSPECIFIED: WatchPodsResponse.Type
    ADDED: WatchPodsResponse.Type
    MODIFIED: WatchPodsResponse.Type
    DELETED: WatchPodsResponse.Type
    SYNCED: WatchPodsResponse.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    type: WatchPodsResponse.Type
    record: _pods_pb2.PodRecord
    resume_token: str
    def __init__(self, type: _Optional[_Union[WatchPodsResponse.Type, str]] = ..., record: _Optional[_Union[_pods_pb2.PodRecord, _Mapping]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class StopPodRequest(_message.Message):
    __slots__ = ("ref", "grace_seconds")
    REF_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ref: _pods_pb2.PodRef
    grace_seconds: int
    def __init__(self, ref: _Optional[_Union[_pods_pb2.PodRef, _Mapping]] = ..., grace_seconds: _Optional[int] = ...) -> None: ...

class StopPodResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeletePodRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: _pods_pb2.PodRef
    def __init__(self, ref: _Optional[_Union[_pods_pb2.PodRef, _Mapping]] = ...) -> None: ...

class DeletePodResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
