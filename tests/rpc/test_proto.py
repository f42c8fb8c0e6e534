"""The .proto files: everything is documented, named as promised, and log columns are packed."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FileDescriptor,
)

from argoexec_cli.rpc.gen import k8s
from argoexec_cli.rpc.gen.argoexec import v1alpha1
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import executor_pb2, logs_pb2
from argoexec_cli.rpc.gen.k8s import meta_pb2, pod_pb2

PROTO = Path(__file__).parents[2] / "proto"
FILES: list[FileDescriptor] = [
    import_module(f"{package.__name__}.{module.name}").DESCRIPTOR
    for package in (v1alpha1, k8s)
    for module in iter_modules(package.__path__)
    if module.name.endswith("_pb2")
]
DECLARATION = re.compile(
    r"^\s*(?:(?:message|enum|service|rpc)\s+(?P<named>\w+)"
    r"|(?:(?:repeated|optional)\s+)?(?:map<.*>|[\w.]+)\s+(?P<field>\w+)\s*=\s*\d+.*;"
    r"|(?P<value>[A-Z][A-Z0-9_]*)\s*=\s*\d+;)"
)


def source_of(file: FileDescriptor) -> Path:
    """Return the .proto file that *file* was generated from."""
    return PROTO / file.name.removeprefix("argoexec_cli/rpc/gen/")


def declared_in(file: FileDescriptor) -> list[str]:
    """Name everything that *file* declares, once for each time that it is declared."""
    names: list[str] = []

    def add_enum(enum: EnumDescriptor) -> None:
        names.extend([enum.name, *(value.name for value in enum.values)])

    def add_message(message: Descriptor) -> None:
        if message.GetOptions().map_entry:
            return
        names.extend([message.name, *(field.name for field in message.fields)])
        for nested in message.nested_types:
            add_message(nested)
        for enum in message.enum_types:
            add_enum(enum)

    for message in file.message_types_by_name.values():
        add_message(message)
    for enum in file.enum_types_by_name.values():
        add_enum(enum)
    for service in file.services_by_name.values():
        names.extend([service.name, *(method.name for method in service.methods)])
    return sorted(names)


def declarations(text: str) -> list[tuple[str, bool]]:
    """Find each declaration in *text*, and whether a comment stands before or behind it."""
    found = []
    before = ""
    for line in text.splitlines():
        match = DECLARATION.match(line)
        if match and not line.startswith(("syntax", "package", "import")):
            name = match["named"] or match["field"] or match["value"]
            found.append((name, before.lstrip().startswith("//") or "; // " in line))
        before = line
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: source_of(file).stem)
def test_everything_declared_has_a_comment(file: FileDescriptor) -> None:
    found = declarations(source_of(file).read_text(encoding="utf-8"))
    assert sorted(name for name, _ in found) == declared_in(file)
    assert [name for name, commented in found if not commented] == []


def test_no_file_is_left_out() -> None:
    there = {path for part in ("argoexec", "k8s") for path in (PROTO / part).rglob("*.proto")}
    assert {source_of(file) for file in FILES} == there


def test_the_check_for_comments_notices_a_bare_field() -> None:
    text = "// A.\nmessage A {\n  // B.\n  string b = 1;\n  repeated C c = 2;\n}\n"
    assert declarations(text) == [("A", True), ("b", True), ("c", False)]


def test_packages_are_the_real_ones_and_file_names_are_ours() -> None:
    assert pod_pb2.Pod.DESCRIPTOR.full_name == "k8s.io.api.core.v1.Pod"
    assert meta_pb2.Time.DESCRIPTOR.full_name == "k8s.io.apimachinery.pkg.apis.meta.v1.Time"
    assert executor_pb2.DESCRIPTOR.package == "argoexec.v1alpha1"
    assert {file.name.split("/")[0] for file in FILES} == {"argoexec_cli"}


def test_entries_of_maps_alone_have_options() -> None:
    # `rpc.shapes` tells maps by that.
    for file in FILES:
        for message in file.message_types_by_name.values():
            for kind in (message, *message.nested_types):
                assert kind.has_options == kind.GetOptions().map_entry, kind.full_name


def test_the_executor_has_its_eight_calls() -> None:
    methods = executor_pb2.DESCRIPTOR.services_by_name["Executor"].methods
    streams = {method.name: method.server_streaming for method in methods}
    assert streams == {
        "RunPod": True,
        "GetPod": False,
        "ListPods": False,
        "WatchPods": True,
        "StopPod": False,
        "DeletePod": False,
        "GetPodLogs": True,
        "GetInfo": False,
    }
    assert not any(method.client_streaming for method in methods)


def test_log_columns_are_packed() -> None:
    stdout, stderr = logs_pb2.STDOUT, logs_pb2.STDERR
    columns = ["run_length", "run_time_delta", "run_stream"]
    chunk = logs_pb2.LogChunk(
        data=b"a\nbc\n",
        run_length=[2, 3],
        run_time_delta=[4, -1],
        run_stream=[stdout, stderr],
        cursor="c",
    )
    assert chunk.SerializeToString() == bytes.fromhex(
        "0a 05 610a62630a"  # data = 1
        "12 02 0203"  # run_length = 2: both entries behind one tag
        "1a 02 0801"  # run_time_delta = 3: zigzag, 4 is 8 and -1 is 1
        "22 02 0102"  # run_stream = 4
        "2a 01 63"  # cursor = 5
    )
    fields = logs_pb2.LogChunk.DESCRIPTOR.fields_by_name
    assert all(fields[name].is_packed for name in columns)
