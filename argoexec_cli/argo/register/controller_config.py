"""Reads the workflow-controller's ConfigMap as strictly as the controller does, and sets one key.

Pure. The controller exits, and stays down, at one field that it does not know; so nothing is
written that this module would not read. Source: argo-workflows v4.1.2, config/controller.go.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import yaml

from argoexec_cli.argo.register.fields import FIELDS, REMOVED, SINCE
from argoexec_cli.argo.register.versions import Version
from argoexec_cli.errors import InvalidError

_BLOB: Final = "config"
Form = Literal["empty", "blob", "keys"]


class ControllerConfig(NamedTuple):
    """What the ConfigMap says: the form that it has, and the fields."""

    form: Form
    fields: dict[str, Any]

    @property
    def instance_id(self) -> str:
        """The controller only sees what carries this id, or, without one, what carries none."""
        return str(self.fields.get("instanceID") or "")


def read_config(data: dict[str, Any] | None, version: Version | None = None) -> ControllerConfig:
    """Return what the ConfigMap's *data* says to a controller of *version* (None: the newest).

    `InvalidError` for everything at which that controller would exit.
    """
    entries = data or {}
    for key, text in entries.items():
        if not isinstance(text, str):
            raise InvalidError(f"data.{key}: expected text", hint=_HINT)
    if _BLOB in entries:
        if len(entries) > 1:
            others = ", ".join(sorted(set(entries) - {_BLOB}))
            raise InvalidError(f"data.config must be alone, and there is {others}", hint=_HINT)
        fields = _load(entries[_BLOB], "data.config")
        if fields is not None and not isinstance(fields, dict):
            raise InvalidError("data.config: expected a map", hint=_HINT)
        config = ControllerConfig("blob", fields or {})
    else:
        found = {key: _load(text, f"data.{key}") for key, text in entries.items()}
        config = ControllerConfig("keys" if found else "empty", found)
    for name, value in config.fields.items():
        _check(name, value, version)
    return config


def set_field(
    data: dict[str, str] | None, name: str, value: bool, version: Version | None
) -> dict[str, str]:
    """Return *data* with the field *name* set, in the form that it has, all else byte for byte.

    `InvalidError` when the controller could not read the outcome, or not even what is there now.
    """
    before = read_config(data, version)
    text = "true" if value else "false"
    after = dict(data or {})
    if before.fields.get(name) is value:
        return after
    if before.form == "blob":
        after[_BLOB] = _set_line(after[_BLOB], name, text)
    else:
        after[name] = text
    wanted = before.fields | {name: value}
    if read_config(after, version).fields != wanted:
        raise InvalidError(f"data.config cannot be changed safely; {name} is not set", hint=_HAND)
    return after


_HINT: Final = "kubectl logs deploy/workflow-controller: the controller says the same"
_HAND: Final = "write it by hand, as a line of its own at the left margin"


def _check(name: Any, value: Any, version: Version | None) -> None:
    if name in REMOVED:
        raise InvalidError(f"{name} was removed in v3.4.0: the controller exits", hint="remove it")
    if name not in FIELDS:
        raise InvalidError(f"{name} is no field of the controller's configuration", hint=_HINT)
    since = SINCE.get(name)
    if since is not None and version is not None and version < since:
        raise InvalidError(f"{name} is new in {since}, and this controller is {version}")
    right, wanted = FIELDS[name]
    if value is not None and not right(value):
        raise InvalidError(f"{name}: expected {wanted}", hint=_HINT)


def _load(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(exc, "problem", None) or "cannot be read"
        raise InvalidError(f"{where}{line}: not YAML: {problem}", hint=_HINT) from exc


def _set_line(text: str, name: str, value: str) -> str:
    """Change the line of *name*, or add one at the end."""
    node = yaml.compose(text, Loader=_StrictLoader)
    newline = "\r\n" if "\r\n" in text else "\n"
    if node is None or not isinstance(node, yaml.MappingNode) or not node.value:
        kept = "" if node is not None else text
        return f"{_ended(kept, newline)}{name}: {value}{newline}"
    for key, old in node.value:
        if key.value == name:
            return text[: old.start_mark.index] + value + text[old.end_mark.index :]
    margin = " " * node.start_mark.column
    return f"{_ended(text, newline)}{margin}{name}: {value}{newline}"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}{newline}"


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that appears twice, as the controller's parser does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a map."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                problem = f"the key {key.value} appears twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
