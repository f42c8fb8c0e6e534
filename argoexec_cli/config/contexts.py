"""Changes the contexts in the config file. Everything else in it stays: keys, order, comments."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from argoexec_cli.config.file import load_file, parse_file
from argoexec_cli.config.settings import Context
from argoexec_cli.errors import DeniedError, NotFoundError, PreconditionError
from argoexec_cli.files import replace_file
from argoexec_cli.models.base import encode


def put_context(path: Path, context: Context, *, current: bool = False) -> None:
    """Write *context* into the config file at *path*, in the place of one with that name.

    With *current* it becomes the one that is used. Repeating it changes nothing. A new file is
    private (0600). `InvalidError` for a file that cannot be understood.
    """
    entry = _text(encode(context))

    def change(root: Any) -> None:
        contexts = root.setdefault("contexts", [])
        at = next((i for i, each in enumerate(contexts) if each["name"] == context.name), None)
        if at is None:
            contexts.append(entry)
        elif contexts[at] != entry:
            contexts[at] = entry
        if current:
            root["current-context"] = _text(context.name)

    _edit(path, change)


def use_context(path: Path, name: str) -> None:
    """Make *name* the current context. `NotFoundError` when the file has none of that name."""
    _need(path, name)

    def change(root: Any) -> None:
        root["current-context"] = _text(name)

    _edit(path, change)


def delete_context(path: Path, name: str) -> None:
    """Forget the context *name*; were it the current one, then there is none. `NotFoundError`."""
    _need(path, name)

    def change(root: Any) -> None:
        root["contexts"] = [each for each in root["contexts"] if each["name"] != name]
        if root.get("current-context") == name:
            del root["current-context"]

    _edit(path, change)


def _text(value: Any) -> Any:
    """Return *value* with quotes where the reader's YAML (1.1) knows another meaning, as of `off`,
    than the writer's (1.2).
    """
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString
    from yaml import SafeLoader, ScalarNode

    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_text(each) for each in value]
    if not isinstance(value, str):
        return value
    tag = SafeLoader("").resolve(ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    return value if tag == "tag:yaml.org,2002:str" else DoubleQuotedScalarString(value)


def _need(path: Path, name: str) -> None:
    known = [context.name for context in load_file(path).contexts]
    if name not in known:
        hint = f"known: {', '.join(known)}" if known else "argoexec context list"
        raise NotFoundError(f"{path} has no context {name!r}", hint=hint)


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    from ruamel.yaml import YAML

    load_file(path)
    text = path.read_text() if path.exists() else ""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    root = yaml.load(text) or {}
    change(root)
    stream = io.StringIO()
    yaml.dump(root, stream)
    new = stream.getvalue()
    parse_file(new, path)
    if new != text:
        _write(path, new)


def _write(path: Path, text: str) -> None:
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o600
        replace_file(target, text.encode(), mode)
    except OSError as exc:
        kind = DeniedError if isinstance(exc, PermissionError) else PreconditionError
        hint = f"ls -ld {target.parent}"
        raise kind(f"{path} cannot be written: {exc.strerror}", hint=hint) from exc
