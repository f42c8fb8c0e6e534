"""What proto/containerd and proto/cri say is what the installed containerd says of itself."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.message import DecodeError

from argoexec_cli.rpc.gen.containerd.events import task_pb2 as events_of_tasks_pb2
from argoexec_cli.rpc.gen.containerd.runc import options_pb2
from argoexec_cli.rpc.gen.containerd.services import (
    containers_pb2,
    content_pb2,
    events_pb2,
    images_pb2,
    snapshots_pb2,
    tasks_pb2,
    version_pb2,
)
from argoexec_cli.rpc.gen.containerd.types import mount_pb2, task_pb2
from argoexec_cli.rpc.gen.cri.v1 import image_pb2, runtime_pb2
from tests.engines.availability import need

pytestmark = [pytest.mark.containerd]

_GZIP = b"\x1f\x8b\x08"
_LIMIT = 400_000
MODULES = (
    containers_pb2,
    content_pb2,
    events_pb2,
    images_pb2,
    events_of_tasks_pb2,
    image_pb2,
    mount_pb2,
    options_pb2,
    runtime_pb2,
    snapshots_pb2,
    task_pb2,
    tasks_pb2,
    version_pb2,
)


@pytest.fixture(scope="module")
def theirs(pytestconfig: pytest.Config) -> list[FileDescriptorProto]:
    """Find the descriptions that containerd's program carries for reflection."""
    need(pytestconfig, "containerd")
    program = Path(shutil.which("containerd") or "").read_bytes()
    starts = [match.start() for match in re.finditer(re.escape(_GZIP), program)]
    return [file for start in starts if (file := _decode(program[start : start + _LIMIT]))]


def _decode(data: bytes) -> FileDescriptorProto | None:
    try:
        return FileDescriptorProto.FromString(zlib.decompressobj(31).decompress(data))
    except (zlib.error, DecodeError):
        return None


def ours() -> list[FileDescriptorProto]:
    """Describe the generated code."""
    files = []
    for module in MODULES:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return files


def messages(files: list[FileDescriptorProto]) -> dict[str, DescriptorProto]:
    """Return all messages by their full names."""
    found: dict[str, DescriptorProto] = {}

    def add(prefix: str, message: DescriptorProto) -> None:
        found[f"{prefix}.{message.name}"] = message
        for nested in message.nested_type:
            add(f"{prefix}.{message.name}", nested)

    for file in files:
        for message in file.message_type:
            add(file.package, message)
    return found


def fields(message: DescriptorProto) -> dict[str, tuple[object, ...]]:
    """Tell of each field what the wire, and a reader of messages, can tell."""
    return {field.name: _kind(field) for field in message.field}


def _kind(field: FieldDescriptorProto) -> tuple[object, ...]:
    return field.number, field.type, field.label, field.type_name


def enums(files: list[FileDescriptorProto]) -> Iterator[tuple[str, EnumDescriptorProto]]:
    """Return all enums with their full names."""
    for file in files:
        for enum in file.enum_type:
            yield f"{file.package}.{enum.name}", enum


def calls(files: list[FileDescriptorProto]) -> set[tuple[object, ...]]:
    """Return all calls with what they take and give."""
    return {
        (
            f"{file.package}.{service.name}/{method.name}",
            method.input_type,
            method.output_type,
            method.server_streaming,
        )
        for file in files
        for service in file.service
        for method in service.method
    }


def test_messages_are_part_of_containerds(theirs: list[FileDescriptorProto]) -> None:
    known = messages(theirs)
    checked = 0
    for name, message in messages(ours()).items():
        assert fields(message).items() <= fields(known[name]).items(), name
        checked += len(message.field)
    assert checked > 100


def test_enums_are_containerds(theirs: list[FileDescriptorProto]) -> None:
    known = {name: {one.name: one.number for one in enum.value} for name, enum in enums(theirs)}
    for name, enum in enums(ours()):
        assert {one.name: one.number for one in enum.value} == known[name]


def test_calls_are_containerds(theirs: list[FileDescriptorProto]) -> None:
    assert calls(ours()) <= calls(theirs)
    assert len(calls(ours())) == 29
