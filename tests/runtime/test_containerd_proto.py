"""What proto/cri says is what the installed containerd says: names, numbers, types."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import DecodeError

from argoexec_cli.rpc.gen.cri.v1 import container_pb2, image_pb2, runtime_pb2, sandbox_pb2
from tests.engines.availability import need

pytestmark = [pytest.mark.containerd]

_GZIP = b"\x1f\x8b\x08"
_LIMIT = 400_000


@pytest.fixture(scope="module")
def theirs(pytestconfig: pytest.Config) -> FileDescriptorProto:
    """Find the description of the interface that containerd's program carries for reflection."""
    need(pytestconfig, "containerd")
    program = Path(shutil.which("containerd") or "").read_bytes()
    start = program.find(_GZIP)
    while start >= 0:
        file = _decode(program[start : start + _LIMIT])
        if file is not None and file.package == "runtime.v1":
            return file
        start = program.find(_GZIP, start + 1)
    raise AssertionError("containerd's program does not describe runtime.v1")


def _decode(data: bytes) -> FileDescriptorProto | None:
    try:
        return FileDescriptorProto.FromString(zlib.decompressobj(31).decompress(data))
    except (zlib.error, DecodeError):
        return None


def ours() -> list[FileDescriptorProto]:
    """Describe the generated code."""
    files = []
    for module in (container_pb2, image_pb2, runtime_pb2, sandbox_pb2):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return files


def fields(message: DescriptorProto) -> dict[str, tuple[object, ...]]:
    """Tell of each field what the wire, and a reader of messages, can tell."""
    return {field.name: _kind(field) for field in message.field}


def _kind(field: FieldDescriptorProto) -> tuple[object, ...]:
    return field.number, field.type, field.label, field.type_name


def values(enum: EnumDescriptorProto) -> dict[str, int]:
    """Return an enum's names and numbers."""
    return {value.name: value.number for value in enum.value}


def test_messages_are_part_of_containerds(theirs: FileDescriptorProto) -> None:
    known = {message.name: message for message in theirs.message_type}
    checked = 0
    for file in ours():
        for message in file.message_type:
            assert fields(message).items() <= fields(known[message.name]).items(), message.name
            checked += len(message.field)
    assert checked > 100


def test_enums_are_containerds(theirs: FileDescriptorProto) -> None:
    known = {enum.name: values(enum) for enum in theirs.enum_type}
    for file in ours():
        assert {enum.name: values(enum) for enum in file.enum_type}.items() <= known.items()


def test_calls_are_containerds(theirs: FileDescriptorProto) -> None:
    known = {
        (service.name, method.name, method.input_type, method.output_type, method.server_streaming)
        for service in theirs.service
        for method in service.method
    }
    calls = {
        (service.name, method.name, method.input_type, method.output_type, method.server_streaming)
        for file in ours()
        for service in file.service
        for method in service.method
    }
    assert calls <= known
    assert len(calls) == 17
