"""What a plain YAML scalar means: as in Kubernetes' own YAML reader, which is YAML 1.1 with two
changes: `1:30` and `2024-01-01` stay strings.

PyYAML's rules differ in small ways (`1e3`, `0o17`, `y`), and a parameter `1e3` has to become the
same string here as in a cluster.
"""

from __future__ import annotations

import math
import re
from typing import Final

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
}
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_PREFIXED: Final = re.compile(r"([-+]?)0(x[0-9a-fA-F]+|b[01]+|o?[0-7]+)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES: Final = {"x": 16, "b": 2, "o": 8}
_MAX_DIGITS: Final = 400


def read_scalar(text: str) -> str | int | float | bool | None:
    """Return what the unquoted *text* stands for; whatever is nothing else is a string."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MAX_DIGITS:
        return text
    digits = text.replace("_", "")
    if (whole := _whole(digits)) is not None and -(2**63) <= whole < 2**64:
        return whole
    if _FLOAT.fullmatch(digits) and math.isfinite(number := float(digits)):
        return number
    return text


def _whole(digits: str) -> int | None:
    if _INT.fullmatch(digits):
        return int(digits)
    if match := _PREFIXED.fullmatch(digits):
        sign, rest = match.groups()
        base = _BASES.get(rest[0])
        return int(sign + (rest[1:] if base else rest), base or 8)
    return None
