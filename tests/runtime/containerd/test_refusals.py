"""containerd's words, as our errors."""

from __future__ import annotations

import grpc
import pytest

from argoexec_cli.errors import (
    AlreadyExistsError,
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    StartError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from argoexec_cli.runtime.containerd.refusals import START, Refusal, pull_refused, refused

_RUNC = "failed to create shim task: OCI runtime create failed: runc create failed: "
_BEGIN = _RUNC + "unable to start container process: "
_TASKS = "io.containerd.runtime.v2.task"
UNKNOWN = grpc.StatusCode.UNKNOWN


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (UNKNOWN, _BEGIN + 'exec: "x": executable file not found in $PATH: unknown', StartError),
        (UNKNOWN, _BEGIN + "exec: /etc/passwd: permission denied: unknown", StartError),
        (UNKNOWN, "OCI runtime create failed: executable file `x` not found in $PATH", StartError),
        (UNKNOWN, _RUNC + "write x: no space left on device", CapacityError),
        (UNKNOWN, "failed to start shim: mkdir /run/x: file exists", AlreadyExistsError),
        (UNKNOWN, f"mkdir /run/{_TASKS}/k8s.io/x: file exists: unknown", AlreadyExistsError),
        (UNKNOWN, "failed to start shim: start failed: x: getwd: no such file", AlreadyExistsError),
        (UNKNOWN, "failed to start shim: no such file or directory", UnavailableError),
        (UNKNOWN, "something else", UnavailableError),
        (UNKNOWN, "ttrpc: closed", UnavailableError),
        (grpc.StatusCode.NOT_FOUND, "container x: not found", NotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, "task x: already exists", AlreadyExistsError),
        (grpc.StatusCode.FAILED_PRECONDITION, "task must be stopped", PreconditionError),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown service runtime.v1", UnsupportedError),
        (grpc.StatusCode.UNAVAILABLE, "connection refused", UnavailableError),
        (grpc.StatusCode.CANCELLED, "context canceled", UnavailableError),
    ],
)
def test_causes(code: grpc.StatusCode, message: str, kind: type[ArgoexecError]) -> None:
    error = refused(Refusal(code, message), "start", "unix:///s", START)
    assert type(error) is kind
    assert error.hint


def test_the_last_cause_is_what_is_told() -> None:
    error = refused(
        Refusal(UNKNOWN, _BEGIN + 'exec: "x": executable file not found in $PATH: unknown'),
        "start",
        "unix:///s",
        START,
    )
    assert error.message == 'cannot start: exec: "x": executable file not found in $PATH'


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('failed to parse image reference "A": invalid reference format', InvalidError),
        ("authorization failed: no basic auth credentials", UnauthenticatedError),
        ("unexpected status: 403 Forbidden", DeniedError),
        ("r.example/a:1: not found", NotFoundError),
        ("no match for platform in manifest", NotFoundError),
        ("dial tcp: lookup nosuch.invalid on 10.0.0.1:53: no such host", NotFoundError),
        ("dial tcp: lookup r.example on 10.0.0.1:53: i/o timeout", UnavailableError),
        ("dial tcp 10.0.0.1:443: connect: connection refused", UnavailableError),
        ("write /x: no space left on device", CapacityError),
    ],
)
def test_why_an_image_could_not_be_pulled(message: str, kind: type[ArgoexecError]) -> None:
    error = pull_refused(Refusal(UNKNOWN, message), "r.example/a:1", "unix:///s")
    assert type(error) is kind
    assert error.message == f"cannot pull r.example/a:1: {message}"
