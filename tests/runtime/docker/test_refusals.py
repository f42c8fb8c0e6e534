"""The words of engine and registries become the errors that a user can act on."""

from __future__ import annotations

import json

import pytest

from argoexec_cli.errors import (
    ArgoexecError,
    CapacityError,
    DeniedError,
    InvalidError,
    NotFoundError,
    StartError,
    UnauthenticatedError,
    UnavailableError,
)
from argoexec_cli.runtime.docker.engine import Answer
from argoexec_cli.runtime.docker.refusals import pull_refused, refused, start_refused

_RUNC = (
    "failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: "
)


def answer(status: int, message: str) -> Answer:
    """Refuse as the engine does."""
    return Answer(status, json.dumps({"message": message}).encode())


_LEFT = "mkdir /run/containerd/io.containerd.runtime.v2.task/moby/0a1b: file exists: unknown"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("invalid reference format: repository name must be lowercase", InvalidError),
        ('Head "http://r/v2/p/b/manifests/1": no basic auth credentials', UnauthenticatedError),
        ("unauthorized: authentication required", UnauthenticatedError),
        (
            "pull access denied for x, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied",
            DeniedError,
        ),
        ("manifest for r/b:2 not found: manifest unknown: manifest unknown", NotFoundError),
        ("no matching manifest for linux/amd64 in the manifest list entries", NotFoundError),
        ("write /data/tmp/x: no space left on device", CapacityError),
        ('Get "http://r/v2/": dial tcp 127.0.0.1:1: connect: connection refused', UnavailableError),
        ("dial tcp: lookup nosuch.invalid on 10.0.0.1:53: no such host", NotFoundError),
        ("http: server gave HTTP response to HTTPS client", UnavailableError),
        ("toomanyrequests: You have reached your pull rate limit", UnavailableError),
    ],
)
def test_pull(message: str, kind: type[ArgoexecError]) -> None:
    error = pull_refused(message, "r/b:1")
    assert type(error) is kind
    assert error.message == f"cannot pull r/b:1: {message}"
    assert error.hint


@pytest.mark.parametrize(
    ("status", "message", "kind", "shown"),
    [
        (
            400,
            f'{_RUNC}exec: "nope": executable file not found in $PATH: unknown',
            StartError,
            'exec: "nope": executable file not found in $PATH',
        ),
        (
            400,
            f'{_RUNC}exec: "/etc": permission denied: unknown',
            StartError,
            'exec: "/etc": permission denied',
        ),
        (
            400,
            "OCI runtime create failed: container_linux.go:367: starting container process caused: "
            'exec: "/nope": stat /nope: no such file or directory: unknown',
            StartError,
            'exec: "/nope": stat /nope: no such file or directory',
        ),
        (500, "unable to find user ghost: no matching entries", StartError, "unable to find user"),
        (500, f"{_RUNC}error during container init: sethostname", StartError, "sethostname"),
        (404, "No such container: nope", NotFoundError, "No such container: nope"),
        (500, "mkdir /data/x: no space left on device", CapacityError, "no space left"),
        (500, "no available IPv4 addresses on this network", CapacityError, "no available IPv4"),
        (500, "context deadline exceeded", UnavailableError, "context deadline exceeded"),
        (500, f"failed to start shim: {_LEFT}", UnavailableError, "file exists"),
        (
            400,
            f"failed to create task for container: failed to start shim: {_LEFT}",
            UnavailableError,
            "file exists",
        ),
    ],
)
def test_start(status: int, message: str, kind: type[ArgoexecError], shown: str) -> None:
    error = start_refused(answer(status, message))
    assert type(error) is kind
    assert error.message.startswith("cannot start: ")
    assert shown in error.message
    assert "runc create" not in error.message
    assert error.hint


def test_what_is_no_container_of_a_pod_is_named() -> None:
    error = start_refused(answer(400, f"{_RUNC}no more room"), "network container n")
    assert error.message == "cannot start network container n: no more room"


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidError), (404, NotFoundError), (500, UnavailableError)]
)
def test_everything_else(status: int, kind: type[ArgoexecError]) -> None:
    assert type(refused(answer(status, "words"), "do it")) is kind


def test_an_answer_that_is_no_engines_keeps_its_words() -> None:
    assert Answer(502, b"<html>bad gateway").message == "<html>bad gateway"
    assert Answer(503, b"").message == "HTTP status 503"
    with pytest.raises(UnavailableError, match="not Docker Engine's"):
        Answer(200, b"<html>").decode(dict)
