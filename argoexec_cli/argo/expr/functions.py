"""The functions that conditions may call; each raises `TypeError` or `ValueError`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


def _int(value: Any) -> int:
    return int(value, 10) if isinstance(value, str) else int(value)


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _to_json(value)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _from_json(text: str) -> Any:
    return msgspec.json.decode(text)


def _jsonpath(document: Any, path: str) -> Any:
    """Follow `$.a.b[0]['c']`; other steps of JSONPath are refused."""
    value = msgspec.json.decode(document) if isinstance(document, str) else document
    if not path.startswith("$"):
        raise ValueError(f"{path!r} does not begin with $")
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(f"{path[at:][:20]!r} is not supported in a path")
        value = value[int(step[2])] if step[2] else value[step[1] or step[3] or step[4]]
        at = step.end()
    return value


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "len": len,
    "int": _int,
    "float": float,
    "string": _string,
    "trim": lambda text: str.strip(text),
    "upper": lambda text: str.upper(text),
    "lower": lambda text: str.lower(text),
    "split": lambda text, by: str.split(text, by),
    "hasPrefix": lambda text, part: str.startswith(text, part),
    "hasSuffix": lambda text, part: str.endswith(text, part),
    "toJSON": _to_json,
    "fromJSON": _from_json,
    "jsonpath": _jsonpath,
    "keys": lambda found: list(dict.keys(found)),
    "values": lambda found: list(dict.values(found)),
    "first": lambda found: found[0] if found else None,
    "last": lambda found: found[-1] if found else None,
    "abs": abs,
    "min": min,
    "max": max,
}
