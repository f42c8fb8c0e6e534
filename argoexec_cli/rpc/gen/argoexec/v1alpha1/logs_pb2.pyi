from google.protobuf import timestamp_pb2 as _timestamp_pb2
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import pods_pb2 as _pods_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogStream(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_STREAM_UNSPECIFIED: _ClassVar[LogStream]
    STDOUT: _ClassVar[LogStream]
    STDERR: _ClassVar[LogStream]
LOG_STREAM_UNSPECIFIED: LogStream
STDOUT: LogStream
STDERR: LogStream

class GetPodLogsRequest(_message.Message):
    __slots__ = ("ref", "container", "follow", "tail_lines", "since_time", "limit_bytes", "cursor", "previous")
    REF_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TAIL_LINES_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    ref: _pods_pb2.PodRef
    container: str
    follow: bool
    tail_lines: int
    since_time: _timestamp_pb2.Timestamp
    limit_bytes: int
    cursor: str
    previous: bool
    def __init__(self, ref: _Optional[_Union[_pods_pb2.PodRef, _Mapping]] = ..., container: _Optional[str] = ..., follow: bool = ..., tail_lines: _Optional[int] = ..., since_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., limit_bytes: _Optional[int] = ..., cursor: _Optional[str] = ..., previous: bool = ...) -> None: ...

class LogChunk(_message.Message):
    __slots__ = ("data", "run_length", "run_time_delta", "run_stream", "cursor")
    DATA_FIELD_NUMBER: _ClassVar[int]
    RUN_LENGTH_FIELD_NUMBER: _ClassVar[int]
    RUN_TIME_DELTA_FIELD_NUMBER: _ClassVar[int]
    RUN_STREAM_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    run_length: _containers.RepeatedScalarFieldContainer[int]
    run_time_delta: _containers.RepeatedScalarFieldContainer[int]
    run_stream: _containers.RepeatedScalarFieldContainer[LogStream]
    cursor: str
    def __init__(self, data: _Optional[bytes] = ..., run_length: _Optional[_Iterable[int]] = ..., run_time_delta: _Optional[_Iterable[int]] = ..., run_stream: _Optional[_Iterable[_Union[LogStream, str]]] = ..., cursor: _Optional[str] = ...) -> None: ...
