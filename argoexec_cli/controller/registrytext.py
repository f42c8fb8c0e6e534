"""Edits the registry's YAML in place: other keys, order, comments and quotes stay."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from argoexec_cli.controller.registry import Registration
from argoexec_cli.controller.scalars import read_scalar
from argoexec_cli.models.base import encode


def edit(text: str, executors: Mapping[str, Registration | None], default: str) -> str:
    """Return the manifest *text* with these *executors*, None for one to leave out, and the default
    that is wanted, "" for none. Raises ruamel's `YAMLError`.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    yaml = _yaml(text)
    root = yaml.load(text)
    if not root.get("data"):
        root["data"] = CommentedMap()
    data = root["data"]
    if data.get("executor", "") != default:
        data["executor"] = _quoted(default)
        if not default:
            del data["executor"]
    for name, registration in executors.items():
        block = edit_block(data.get("executors"), name, registration)
        data["executors"] = LiteralScalarString(block)
        if not block:
            del data["executors"]
    return _dump(yaml, root).replace("\r\n", "\n").replace("\n", newline)


def edit_block(block: str | None, name: str, registration: Registration | None) -> str:
    """Return the map of executors with *name* as wanted, or without it; "" for an empty one."""
    text = (block or "").replace("\r\n", "\n")
    yaml = _yaml(text)
    executors = yaml.load(text)
    if registration is None:
        return _without(yaml, executors, name)
    wanted = encode(registration)
    if executors is None:
        addition = _dump(yaml, {_quoted(name): wanted})
        return f"{text.rstrip()}\n{addition}".lstrip("\n") if text.strip() else addition
    if name in executors:
        entry = executors[name]
        entry.update({key: value for key, value in wanted.items() if entry.get(key) != value})
        if registration.tls is None:
            entry.pop("tls", None)
    else:
        executors[_quoted(name)] = CommentedMap(wanted)
    return _dump(yaml, executors)


def _without(yaml: YAML, executors: Any, name: str) -> str:
    if executors is not None:
        executors.pop(name, None)
    return _dump(yaml, executors) if executors else ""


def _quoted(name: str) -> str:
    """Return *name* with quotes when Kubernetes would take it for a number or a truth value."""
    return name if isinstance(read_scalar(name), str) else DoubleQuotedScalarString(name)


def _yaml(text: str) -> YAML:
    """Return a reader and writer that keeps the layout of *text*."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    mapping = _indent(text)
    dashes = [line for line in text.splitlines() if line.lstrip().startswith("- ")]
    offset = 2 if any(line.startswith(" ") for line in dashes) else 0
    yaml.indent(mapping=mapping, sequence=offset + 2, offset=offset)
    yaml.explicit_start = text.lstrip().startswith("---")
    return yaml


def _indent(text: str) -> int:
    for line in text.splitlines():
        stripped = line.lstrip(" ")
        if stripped != line and stripped[:1] not in ("", "#", "-"):
            return len(line) - len(stripped)
    return 2


def _dump(yaml: YAML, value: Any) -> str:
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()
