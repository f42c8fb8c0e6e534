from argoexec_cli.rpc.gen.k8s import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunRef(_message.Message):
    __slots__ = ("namespace", "name", "uid")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ...) -> None: ...

class WorkflowRun(_message.Message):
    __slots__ = ("namespace", "name", "uid", "phase", "revision", "json")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    uid: str
    phase: str
    revision: int
    json: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., uid: _Optional[str] = ..., phase: _Optional[str] = ..., revision: _Optional[int] = ..., json: _Optional[str] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("json", "config_maps", "secrets")
    JSON_FIELD_NUMBER: _ClassVar[int]
    CONFIG_MAPS_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    json: str
    config_maps: _containers.RepeatedCompositeFieldContainer[_config_pb2.ConfigMap]
    secrets: _containers.RepeatedCompositeFieldContainer[_config_pb2.Secret]
    def __init__(self, json: _Optional[str] = ..., config_maps: _Optional[_Iterable[_Union[_config_pb2.ConfigMap, _Mapping]]] = ..., secrets: _Optional[_Iterable[_Union[_config_pb2.Secret, _Mapping]]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: RunRef
    def __init__(self, ref: _Optional[_Union[RunRef, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
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

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[WorkflowRun]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[WorkflowRun, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRunsRequest(_message.Message):
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

class WatchRunsResponse(_message.Message):
    __slots__ = ("type", "run", "resume_token")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[WatchRunsResponse.Type]
        ADDED: _ClassVar[WatchRunsResponse.Type]
        MODIFIED: _ClassVar[WatchRunsResponse.Type]
        DELETED: _ClassVar[WatchRunsResponse.Type]
        SYNCED: _ClassVar[WatchRunsResponse.Type]
    TYPE_UNSPECIFIED: WatchRunsResponse.Type
    ADDED: WatchRunsResponse.Type
    MODIFIED: WatchRunsResponse.Type
    DELETED: WatchRunsResponse.Type
    SYNCED: WatchRunsResponse.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    type: WatchRunsResponse.Type
    run: WorkflowRun
    resume_token: str
    def __init__(self, type: _Optional[_Union[WatchRunsResponse.Type, str]] = ..., run: _Optional[_Union[WorkflowRun, _Mapping]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class StopRunRequest(_message.Message):
    __slots__ = ("ref", "message")
    REF_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ref: RunRef
    message: str
    def __init__(self, ref: _Optional[_Union[RunRef, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class StopRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("ref",)
    REF_FIELD_NUMBER: _ClassVar[int]
    ref: RunRef
    def __init__(self, ref: _Optional[_Union[RunRef, _Mapping]] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
