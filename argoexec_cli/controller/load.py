"""Manifests to models: what `submit` does before it talks to anybody.

Every problem is an `InvalidError` that starts with file and line. Imports stay light here: this
is on the way of every `submit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from argoexec_cli.controller.documents import (
    MAX_BYTES,
    Document,
    objects_of,
    read_documents,
    too_large,
)
from argoexec_cli.controller.refusals import with_hint
from argoexec_cli.controller.submission import Overrides, Part, Submission, Value, assemble
from argoexec_cli.errors import DeniedError, InvalidError, NotFoundError
from argoexec_cli.models.base import FieldError, decode
from argoexec_cli.models.config import ConfigMap, Secret
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.workflow import Workflow, WorkflowRun

_KINDS: Final[dict[str, type[Value]]] = {
    "Workflow": Workflow,
    "WorkflowRun": WorkflowRun,
    "Pod": Pod,
    "ConfigMap": ConfigMap,
    "Secret": Secret,
}
_VERSIONS: Final = {
    "Workflow": "argoproj.io/v1alpha1",
    "WorkflowRun": "argoexec.io/v1alpha1",
    "Pod": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
}
_KINDS_HINT: Final = "kinds that work: " + ", ".join(
    [*(f"{kind} ({version})" for kind, version in _VERSIONS.items()), "a List (v1) of them"]
)


class Source(msgspec.Struct, frozen=True):
    """A manifest's text and the name of its file, for messages."""

    file: str
    text: bytes


def read_source(path: str, stdin: BinaryIO) -> Source:
    """Read a manifest; `-` is *stdin*. Reads no more than it takes to see that it is too large."""
    if path == "-":
        text = stdin.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise too_large("stdin", None)
        return Source("stdin", text)
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1)
            size = max(len(text), Path(path).stat().st_size)
    except FileNotFoundError as exc:
        raise NotFoundError(f"{path}: there is no such file", hint="check the path: ls") from exc
    except PermissionError as exc:
        raise DeniedError(f"{path}: may not be read", hint=f"check its mode: ls -l {path}") from exc
    except OSError as exc:
        raise InvalidError(f"{path}: cannot be read: {exc.strerror}") from exc
    if size > MAX_BYTES:
        raise too_large(path, size)
    return Source(path, text)


def load_submission(
    sources: Iterable[Source], overrides: Overrides | None = None
) -> list[WorkflowRun | Pod]:
    """Return what to run, in the order of the documents; see `load_everything`."""
    return load_everything(sources, overrides).objects


def load_everything(sources: Iterable[Source], overrides: Overrides | None = None) -> Submission:
    """Return what to run, in the order of the documents, and the ConfigMaps and Secrets beside it.

    A Workflow becomes a WorkflowRun, unless a WorkflowRun of the same submission refers to it.
    Everything has a name: `generateName` is resolved here, so that a submission may be repeated.
    """
    parts: list[Part] = []
    for source in sources:
        documents = read_documents(source.text, source.file)
        if not documents:
            raise InvalidError(f"{source.file}:1: the file is empty", hint=_KINDS_HINT)
        objects = chain.from_iterable(map(objects_of, documents))
        parts += [Part(each, _decode(each)) for each in objects]
    return assemble(parts, overrides or Overrides())


def _decode(document: Document) -> Value:
    data = document.data
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "plain text"
        document.refuse("", f"a manifest is a mapping of fields, not {found}", hint=_KINDS_HINT)
    kind, version = data.get("kind"), data.get("apiVersion")
    if kind is None or version is None:
        missing = "kind" if kind is None else "apiVersion"
        document.refuse("", f"{missing} is missing", hint=_KINDS_HINT)
    if not isinstance(kind, str) or kind not in _KINDS:
        document.refuse("kind", f"kind {_short(kind)} is not supported", hint=_KINDS_HINT)
    if version != _VERSIONS[kind]:
        problem = f"apiVersion {_short(version)} is not supported for kind {kind}"
        document.refuse("apiVersion", problem, hint=f"use apiVersion: {_VERSIONS[kind]}")
    try:
        return decode(data, _KINDS[kind])
    except FieldError as exc:
        raise document.located(with_hint(exc)) from exc


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


__all__ = ["Overrides", "Source", "load_everything", "load_submission", "read_source"]
