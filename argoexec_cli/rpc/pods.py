"""Pods on the wire: a `models.pod.Pod` to the message of k8s.io.api.core.v1 and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from argoexec_cli.errors import UnsupportedError
from argoexec_cli.models.base import FieldError, UnknownFieldError, decode
from argoexec_cli.models.pod import Pod
from argoexec_cli.rpc.gen.k8s import pod_pb2
from argoexec_cli.rpc.reading import reader
from argoexec_cli.rpc.status import VERSION_HINT
from argoexec_cli.rpc.writing import writer


def pod_to_message(pod: Pod) -> pod_pb2.Pod:
    """Return the message for *pod*. `FieldError` for what the wire cannot hold, such as 2**64."""
    try:
        return pod_pb2.Pod(**_plain(pod))
    except ValueError as exc:
        raise FieldError("", f"the pod cannot be sent: {str(exc)[:200]}") from exc


def pod_from_message(message: pod_pb2.Pod) -> Pod:
    """Return the pod that a client asks for.

    Raises `UnknownFieldError` with the path of whatever is set and not implemented, fields that a
    newer Kubernetes has included (by number); `FieldError` for a value of the wrong kind. What is
    left out nevertheless, and why, is in `rpc.tolerance`.
    """
    plain = reader(pod_pb2.Pod.DESCRIPTOR, Pod, strict=True)(message)
    try:
        return decode(plain, Pod)
    except UnknownFieldError as exc:
        if "#" not in exc.path.rsplit(".", 1)[-1]:
            raise
        hint = "a field of that number is newer than this executor knows"
        raise UnknownFieldError(exc.path, hint=hint) from exc


def pod_from_answer(message: pod_pb2.Pod) -> Pod:
    """Return the pod that a server tells of. What only a newer server says is left out.

    Raises `UnsupportedError` when the rest cannot be understood either.
    """
    plain = reader(pod_pb2.Pod.DESCRIPTOR, Pod, strict=False)(message)
    try:
        return decode(plain, Pod)
    except FieldError as exc:
        text = f"the server describes a pod in a way that is not understood: {exc.message}"
        raise UnsupportedError(text, hint=VERSION_HINT) from exc


def _plain(pod: Pod) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(pod, builtin_types=(datetime,))
    plain.pop("apiVersion", None)
    plain.pop("kind", None)
    adapt = writer(pod_pb2.Pod.DESCRIPTOR, Pod)
    return adapt(plain) if adapt else plain
