"""Durations and ages as kubectl reads and writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from argoexec_cli.errors import InvalidError

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def parse_duration(text: str, what: str) -> float:
    """Return seconds from `90s`, `2m`, `1h30m`, `7d`, or a plain number of seconds.

    *what* is the option, for the error. Source: Go's time.ParseDuration, plus days.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidError(f"{what}: {text!r} is not a duration", hint=f"for example: {what} 1h30m")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def parse_time(text: str, what: str) -> datetime:
    """Return the moment that an RFC 3339 time names; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidError(
            f"{what}: {text!r} is not an RFC 3339 time", hint=f"for example: {what} {_EXAMPLE}"
        ) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_EXAMPLE: Final = "2026-01-31T12:00:00Z"


def render_age(seconds: float) -> str:
    """Render a time span in at most two units: 5s, 2m3s, 4d.

    Source: k8s.io/apimachinery duration.HumanDuration, so tables read as kubectl's.
    """
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    return _two(whole, _YEAR, "y", _DAY, "d") if whole < 8 * _YEAR else f"{whole // _YEAR}y"


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = whole % big // small
    return f"{whole // big}{big_name}" + (f"{rest}{small_name}" if rest else "")
