"""The config file: YAML to typed data, with the line of whatever is wrong in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argoexec_cli.config.settings import ConfigFile
from argoexec_cli.errors import InvalidError
from argoexec_cli.models.base import FieldError, decode

if TYPE_CHECKING:
    import yaml

_STEP: Final = re.compile(r"[^.\[\]]+|\[\d*\.*\]")


def load_file(path: Path) -> ConfigFile:
    """Read the config file; a file that does not exist is an empty one.

    Raises `InvalidError` with file and line for YAML errors, unknown keys and values of a wrong
    type, and with the path alone when the file cannot be read.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return ConfigFile()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8 text"
        raise InvalidError(f"{path}: {reason}", hint=f"ls -l {path}") from exc
    return parse_file(text, path)


def parse_file(text: str, path: Path) -> ConfigFile:
    """Build the config from *text*; *path* only names it in errors."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise InvalidError(f"{path}:{line}: not YAML: {exc.problem}", hint=_EXAMPLE) from exc
    except yaml.YAMLError as exc:
        problem = str(exc).partition("\n")[0]
        raise InvalidError(f"{path}: not YAML: {problem}", hint=_EXAMPLE) from exc
    if data is None:
        return ConfigFile()
    if not isinstance(data, dict):
        raise InvalidError(f"{path}:1: not a mapping of keys to values", hint=_EXAMPLE)
    try:
        return _checked(decode(data, ConfigFile))
    except FieldError as exc:
        line = _line(node, exc.path)
        raise InvalidError(f"{path}:{line}: {exc.message}", hint=exc.hint or _EXAMPLE) from exc


def _checked(file: ConfigFile) -> ConfigFile:
    for number, context in enumerate(file.contexts):
        if context.via == "ssh" and context.ssh is None:
            raise FieldError(f"contexts[{number}].via", "ssh needs a host: ssh: {host: …}")
    return file


_EXAMPLE: Final = (
    "it looks like this: {current-context: lab, contexts: [{name: lab, server: 'host:7401'}]}"
)


def _line(node: yaml.Node | None, path: str) -> int:
    """Return the line of the field at *path*, or of the nearest thing above it that exists."""
    import yaml

    line = 1
    for step in _STEP.findall(path):
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and step.startswith("["):
            index = step.strip("[.]")
            if not index.isdigit() or int(index) >= len(node.value):
                return line
            node = node.value[int(index)]
            line = node.start_mark.line + 1
    return line
