"""Durations as Go and Argo write them: "1h2m3s", "500ms", and "30" for seconds."""

from __future__ import annotations

import re
from typing import Final

from argoexec_cli.models.base import FieldError

_UNITS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")
_PLAIN: Final = re.compile(r"\d{1,10}")


def parse_seconds(value: str | int, path: str) -> float:
    """Return the seconds that *value* stands for; `FieldError` at *path* unless they are positive.

    Source: Argo's ParseStringToDuration, which also knows days.
    """
    text = str(value).strip()
    if _PLAIN.fullmatch(text):
        seconds = float(text)
    elif text and not _PART.sub("", text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    else:
        raise FieldError(path, f"{text[:40]!r} is not a duration", hint="for example 90s or 1h30m")
    if seconds <= 0:
        raise FieldError(path, "must be greater than 0")
    return seconds


def render_duration(seconds: float) -> str:
    """Return *seconds* for people and for Go: "0.4s", "12s", "3m5s", "2h0m7s"."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
