"""The formats of `-o`: name, json and yaml are the same for every command that reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from argoexec_cli.cli.items import Item
from argoexec_cli.models.base import encode
from argoexec_cli.models.record import PodRecord
from argoexec_cli.models.workflow import WorkflowRun


class Format(StrEnum):
    """How a command that reads writes."""

    TABLE = "table"
    WIDE = "wide"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"


class Document(StrEnum):
    """How a command writes that has no table."""

    NAME = "name"
    JSON = "json"
    YAML = "yaml"


class Data(StrEnum):
    """How a command writes what has no name of its own."""

    JSON = "json"
    YAML = "yaml"


def write(text: str) -> None:
    """Write data to stdout, now."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_items(items: Sequence[Item], form: Format | Document, *, single: bool) -> None:
    """Write *items* in one of the formats that are not tables.

    JSON and YAML are the object itself when *single*, else a `List` as kubectl makes it.
    """
    if form.value == "name":
        write("".join(f"{item.label}\n" for item in items))
        return
    documents = [document(item) for item in items]
    if single and len(documents) == 1:
        write_data(documents[0], form)
    else:
        write_data({"apiVersion": "v1", "kind": "List", "items": documents}, form)


def write_data(data: Any, form: Format | Document | Data) -> None:
    """Write plain data as JSON or YAML."""
    import msgspec

    write(_indent_json(msgspec.json.encode(data)) if form.value == "json" else _yaml(data))


def document(item: Item) -> dict[str, Any]:
    """Return what JSON and YAML show: the run, or the pod as Kubernetes would print it.

    Fields that hold their default are left out, but not those that say what a thing is.
    """
    source = item.source
    model = source.pod if isinstance(source, PodRecord) else source
    data = {"apiVersion": model.api_version, "kind": model.kind} | encode(model)
    if isinstance(source, WorkflowRun) and source.status.nodes:
        data["status"]["nodes"] = {
            id_: {"type": node.type, "phase": node.phase} | encode(node)
            for id_, node in source.status.nodes.items()
        }
    return data


def _indent_json(data: bytes) -> str:
    import msgspec

    return msgspec.json.format(data, indent=2).decode() + "\n"


def _yaml(data: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True)
    return text
