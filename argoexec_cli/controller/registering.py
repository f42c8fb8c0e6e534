"""Changes the registry's file: plans the new text, shows the difference, writes it in one piece.

Everything else in the file stays as it is: keys, order, comments, quotes. Planning is pure.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from ruamel.yaml.error import YAMLError

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
from argoexec_cli.controller.registrytext import edit, edit_block
from argoexec_cli.errors import (
    CapacityError,
    DeniedError,
    InternalError,
    InvalidError,
    PreconditionError,
)
from argoexec_cli.files import replace_file

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
    return change(old, {} if registration is None else {name: registration}, wanted_default, file)


def plan_data(
    data: dict[str, str], name: str, registration: Registration | None, *, default: bool = False
) -> dict[str, str]:
    """Like `plan_register`, for a ConfigMap in a cluster: return its *data* with *name* in it.

    `InvalidError` for what cannot be edited without touching other executors, too.
    """
    manifest = {"kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": data}
    before = read_registry(json.dumps(manifest), CONFIG_MAP)
    planned = dict(data)
    registration = _complete(name, registration, before)
    if registration is not None and registration != before.executors.get(name):
        try:
            planned["executors"] = edit_block(data.get("executors"), name, registration)
        except YAMLError as exc:
            raise _not_editable(CONFIG_MAP, exc) from exc
    if default:
        planned["executor"] = name
    after = read_registry(json.dumps(manifest | {"data": planned}), CONFIG_MAP)
    touched = [
        other
        for other, entry in before.executors.items()
        if other != name and after.executors.get(other) != entry
    ]
    if touched:
        raise InvalidError(
            f"{CONFIG_MAP}: {', '.join(touched)} would change with {name}: they share an anchor",
            hint="write each of them out",
        )
    return planned


def change(text: str, executors: dict[str, Registration | None], default: str, file: str) -> str:
    """Return *text* with these *executors*, None for one to leave out, and this default or "".

    `InvalidError` for a file that cannot be edited; nothing else in it is touched.
    """
    try:
        changed = edit(text, executors, default)
    except YAMLError as exc:
        raise _not_editable(file, exc) from exc
    if _rest(text, executors, file) != _rest(changed, executors, file):
        raise InternalError(f"{file}: the change would have touched other keys; nothing is written")
    return changed


def _not_editable(file: str, exc: YAMLError) -> InvalidError:
    problem = str(exc).strip().splitlines()[-1].strip()
    return InvalidError(f"{file}: cannot be edited: {problem}", hint="edit it by hand")


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


def render_diff(old: str | None, new: str | None, file: str) -> str:
    """Return the unified difference, None for no file; "" when there is none."""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        file if old is not None else "/dev/null",
        file if new is not None else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def write_registry(path: Path, text: str, *, new_mode: int = 0o644) -> None:
    """Replace the file by *text*: readers see the old or the new, also after a power cut.

    A symbolic link stays one, and the file keeps its mode; a new one gets *new_mode*. Directories
    on the way are made.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o7777 if target.exists() else new_mode
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


def _rest(text: str, names: Collection[str], file: str) -> Any:
    config = parse_config_map(text, file)
    if config is None:
        return None
    found = config.executors.data if config.executors else {}
    others = {name: entry for name, entry in found.items() if name not in names}
    data = {k: v for k, v in config.data.items() if k not in ("executor", "executors")}
    root = {k: v for k, v in config.document.data.items() if k != "data"}
    return root, data, others
