"""Kubernetes quantities (`500m`, `1Gi`) as exact integers, and bytes for people to read.

Source: the resource.Quantity type of k8s.io/apimachinery: decimal suffixes n u m "" k M G T P E,
binary Ki Mi Gi Ti Pi Ei, or an exponent. As there, a value finer than the unit is rounded up.
"""

import math
import re
from decimal import Decimal
from typing import Final

from argoexec_cli.errors import InvalidError

_FORM: Final = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?", re.ASCII
)
_DECIMAL: Final = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_LARGEST: Final = 2**63 - 1
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse_quantity(text: str) -> Decimal:
    """Return the exact value of *text* in its base unit (cores, bytes)."""
    match = _FORM.fullmatch(text)
    if not match:
        raise InvalidError(
            f"{text!r} is not a quantity", hint="write it like 500m, 2, 64Mi or 1.5Gi"
        )
    number, suffix, exponent = Decimal(match[1]), match[2] or "", int(match[3] or 0)
    if suffix in _BINARY:
        return number * Decimal(1024) ** _BINARY[suffix]
    return number.scaleb(_DECIMAL[suffix] + exponent)


def parse_millicores(text: str) -> int:
    """Return a cpu quantity in thousandths of a core, rounded up."""
    return _whole(text, parse_quantity(text) * 1000)


def parse_bytes(text: str) -> int:
    """Return a memory quantity in bytes, rounded up."""
    return _whole(text, parse_quantity(text))


def format_bytes(count: float) -> str:
    """Return a number of bytes for people: 34.1 MiB, 50 MiB, 17 B."""
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            break
        count, unit = count / 1024, larger
    text = f"{count:.1f}" if count < 1000 and unit != "B" else f"{count:.0f}"
    return f"{text.removesuffix('.0')} {unit}"


def _whole(text: str, value: Decimal) -> int:
    if value < 0:
        raise InvalidError(f"{text!r} is negative", hint="a resource quantity is zero or more")
    if value > _LARGEST:
        raise InvalidError(f"{text!r} is too large", hint="at most 8Ei is a quantity")
    return math.ceil(value)
