"""Changes the registry's file: plans the new text, shows the difference, writes it in one piece.

Everything else in the file stays as it is: keys, order, comments, quotes. Planning is pure.
"""

from __future__ import annotations

import difflib
import io
import json
import os
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from argoexec_cli.controller.registry import (
    CONFIG_MAP,
    NAMESPACE,
    Registration,
    Registry,
    check_endpoint,
    check_name,
    parse_config_map,
    read_registry,
)
from argoexec_cli.controller.scalars import read_scalar
from argoexec_cli.errors import (
    CapacityError,
    DeniedError,
    InternalError,
    InvalidError,
    PreconditionError,
)
from argoexec_cli.files import replace_file
from argoexec_cli.models.base import encode

_NEW: Final = f"""\
# The executors that argoexec's controller knows; `argoexec register` writes this file.
apiVersion: v1
kind: ConfigMap
metadata:
  name: {CONFIG_MAP}
  namespace: {NAMESPACE}
data: {{}}
"""
_NO_SPACE: Final = 28


def plan_register(
    text: str | None,
    name: str,
    registration: Registration | None,
    *,
    default: bool = False,
    file: str = "registry",
) -> str:
    """Return the manifest *text* (None: there is none yet) with the executor *name* in it.

    What it says already stays byte for byte, so repeating changes nothing; without `tls`, what is
    said about TLS stays too, and without a *registration* all that is said of the executor.
    `InvalidError` for a name or endpoint that cannot be, and for a file that cannot be understood,
    with its line.
    """
    before = read_registry(text or "", file)
    wanted_default = name if default else before.default
    registration = _complete(name, registration, before)
    if before.executors.get(name) == registration and wanted_default == before.default:
        return text or ""
    old = text if text and text.strip() else _NEW
    try:
        planned = _edit(old, name, registration, wanted_default)
    except YAMLError as exc:
        problem = str(exc).strip().splitlines()[-1].strip()
        raise InvalidError(f"{file}: cannot be edited: {problem}", hint="edit it by hand") from exc
    _check(old, planned, name, file)
    return planned


def plan_data(
    data: dict[str, str], name: str, registration: Registration | None, *, default: bool = False
) -> dict[str, str]:
    """Like `plan_register`, for a ConfigMap in a cluster: return its *data* with *name* in it."""
    manifest = {"kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": data}
    before = read_registry(json.dumps(manifest), CONFIG_MAP)
    planned = dict(data)
    registration = _complete(name, registration, before)
    if registration is not None and registration != before.executors.get(name):
        planned["executors"] = _edit_block(data.get("executors"), name, registration)
    if default:
        planned["executor"] = name
    read_registry(json.dumps(manifest | {"data": planned}), CONFIG_MAP)
    return planned


def _complete(name: str, wanted: Registration | None, before: Registry) -> Registration | None:
    """Return what is to be said of the executor *name*; None for nothing, as for a built-in one."""
    known = before.executors.get(name)
    if wanted is None:
        return known
    check_name(name)
    check_endpoint(wanted.endpoint)
    tls = wanted.tls or (known.tls if known else None)
    return Registration(wanted.endpoint, tls)


def read_manifest(path: Path) -> str | None:
    """Return the text of the file, its line ends as they are; None when there is no file."""
    return path.read_bytes().decode() if path.exists() else None


def render_diff(old: str | None, new: str, file: str) -> str:
    """Return the unified difference; "" when there is none."""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        new.splitlines(keepends=True),
        file if old is not None else "/dev/null",
        file,
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write_registry(path: Path, text: str) -> None:
    """Replace the file by *text*: readers see the old or the new, also after a power cut.

    A symbolic link stays one, and the file keeps its mode. Directories on the way are made.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
        replace_file(target, text.encode(), mode)
    except PermissionError as exc:
        hint = f"check who may write there: ls -ld {target.parent}"
        raise DeniedError(f"{target}: may not be written", hint=hint) from exc
    except OSError as exc:
        if exc.errno == _NO_SPACE:
            hint = f"free some space: df -h {target.parent}"
            raise CapacityError(f"the disk that holds {target} is full", hint=hint) from exc
        raise PreconditionError(
            f"{target}: cannot be written: {exc.strerror}", hint=f"look: ls -ld {target.parent}"
        ) from exc


def _edit(text: str, name: str, registration: Registration | None, default: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    yaml = _yaml(text)
    root = yaml.load(text)
    if not root.get("data"):
        root["data"] = CommentedMap()
    data = root["data"]
    if default and data.get("executor") != default:
        data["executor"] = _quoted(default)
    if registration is not None:
        block = _edit_block(data.get("executors"), name, registration)
        data["executors"] = LiteralScalarString(block)
    return _dump(yaml, root).replace("\r\n", "\n").replace("\n", newline)


def _edit_block(block: str | None, name: str, registration: Registration) -> str:
    text = (block or "").replace("\r\n", "\n")
    yaml = _yaml(text)
    executors = yaml.load(text)
    wanted = encode(registration)
    if executors is None:
        addition = _dump(yaml, {_quoted(name): wanted})
        return f"{text.rstrip()}\n{addition}".lstrip("\n") if text.strip() else addition
    if name in executors:
        entry = executors[name]
        entry.update({key: value for key, value in wanted.items() if entry.get(key) != value})
    else:
        executors[_quoted(name)] = CommentedMap(wanted)
    return _dump(yaml, executors)


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


def _check(old: str, new: str, name: str, file: str) -> None:
    """Make sure that nothing but the executor *name* and the default has changed."""
    if _rest(old, name, file) != _rest(new, name, file):
        raise InternalError(f"{file}: the change would have touched other keys; nothing is written")


def _rest(text: str, name: str, file: str) -> Any:
    config = parse_config_map(text, file)
    if config is None:
        return None
    others = dict(config.executors.data) if config.executors else {}
    others.pop(name, None)
    data = {k: v for k, v in config.data.items() if k not in ("executor", "executors")}
    root = {k: v for k, v in config.document.data.items() if k != "data"}
    return root, data, others
