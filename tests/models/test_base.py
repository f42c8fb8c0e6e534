"""Strangers' data becomes a model, or an error that names the field."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

from argoexec_cli import models
from argoexec_cli.errors import InvalidError, UnsupportedFieldError
from argoexec_cli.models.base import (
    FieldError,
    Model,
    UnknownFieldError,
    decode,
    decode_json,
    encode,
    encode_json,
    field_paths,
)
from argoexec_cli.models.logs import STDERR, STDOUT, LogRun, make_chunk
from argoexec_cli.models.pod import Pod, PodSpec
from argoexec_cli.models.status import ContainerStatus

MAIN = {"name": "a", "image": "b"}


@pytest.mark.parametrize(
    ("data", "path", "hint"),
    [
        ({"spec": {"containers": [], "hostPID": True}}, "spec.hostPID", ""),
        ({"spec": {"containers": [{**MAIN, "lifecycle": {}}]}}, "spec.containers[0].lifecycle", ""),
        (
            {"spec": {"containers": [{**MAIN, "comand": []}]}},
            "spec.containers[0].comand",
            "command",
        ),
        ({"spec": {"containers": []}, "sepc": 1}, "sepc", "spec"),
    ],
)
def test_a_field_that_we_do_not_have(data: dict[str, Any], path: str, hint: str) -> None:
    with pytest.raises(UnknownFieldError, match="is not supported") as caught:
        decode(data, Pod)
    assert isinstance(caught.value, UnsupportedFieldError)
    assert caught.value.path == path
    assert caught.value.message == f"{path} is not supported"
    assert caught.value.hint == (f"did you mean {hint}?" if hint else "")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "object missing required field spec"),
        ({"spec": {"containers": 7}}, "spec.containers: expected array, got int"),
        ({"spec": {"containers": [{"name": "a"}]}}, "spec.containers[0]: object missing"),
        ({"kind": "Job", "spec": {"containers": []}}, "kind: invalid enum value 'Job'"),
        ({"metadata": {"labels": {"a": 1}}, "spec": {"containers": []}}, "metadata.labels[...]: "),
        ([], "expected object, got array"),
    ],
)
def test_a_field_of_the_wrong_type(data: object, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        decode(data, Pod)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("text", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 100])
def test_what_is_not_json(text: bytes) -> None:
    with pytest.raises(InvalidError):
        decode_json(text, Pod)


def test_what_is_encoded_is_decoded_and_defaults_are_left_out() -> None:
    pod = decode({"metadata": {"name": "a"}, "spec": {"containers": [MAIN]}}, Pod)
    assert encode(pod) == {"metadata": {"name": "a"}, "spec": {"containers": (MAIN,)}}
    assert decode_json(encode_json(pod), Pod) == pod


def test_the_types_of_fields_are_no_strings() -> None:
    # Each string would be compiled at the start of every command.
    modules = [
        importlib.import_module(f"{models.__name__}.{module.name}")
        for module in pkgutil.iter_modules(models.__path__)
    ]
    found = {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Model)
    }
    assert found > {Model, Pod, PodSpec, ContainerStatus}
    assert not {
        f"{one.__name__}.{name}"
        for one in found
        for name, kind in one.__annotations__.items()
        if isinstance(kind, str)
    }


def test_a_status_has_what_kubernetes_always_writes() -> None:
    assert encode(ContainerStatus(name="main")) == {
        "name": "main",
        "state": {},
        "lastState": {},
        "ready": False,
        "started": False,
        "restartCount": 0,
        "image": "",
        "imageID": "",
        "containerID": "",
    }


def test_field_paths_name_everything() -> None:
    paths = field_paths(PodSpec, "spec.")
    assert "spec.containers[].volumeMounts[].mountPath" in paths
    assert "spec.volumes[].emptyDir" in paths
    assert len(paths) == len(set(paths))


def test_a_chunk_is_taken_apart_as_it_was_put_together() -> None:
    runs = [LogRun(1, STDOUT, b"a\n"), LogRun(2, STDERR, b""), LogRun(3, STDOUT, b"b")]
    assert list(make_chunk(runs, "c").runs()) == runs


def test_threads_may_decode_a_model_for_the_first_time_together() -> None:
    """By itself, msgspec ends such a process with SIGSEGV."""
    program = """
import sys, threading
from argoexec_cli.models.base import decode
from argoexec_cli.models.workflow import Workflow

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "spec": {"entrypoint": "a", "templates": [{"name": "a", "container": {"image": "x"}}]},
}

def first() -> None:
    together.wait()
    decode(manifest, Workflow)

threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
