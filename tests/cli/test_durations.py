"""Durations, times and ages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from argoexec_cli.cli.durations import parse_duration, parse_time, render_age
from argoexec_cli.errors import InvalidError

YEAR = 365 * 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("2m", 120),
        ("1h30m", 5400),
        ("7d", 604800),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("1h0m5s", 3605),
        ("45", 45),
        ("0", 0),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text, "--since") == seconds


@pytest.mark.parametrize("text", ["", "x", "5x", "1h-5m", "m5", "1h 5m", "-5s"])
def test_what_is_no_duration_is_refused_by_its_option(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^--since: .* is not a duration") as caught:
        parse_duration(text, "--since")
    assert caught.value.hint == "for example: --since 1h30m"


def test_times_are_rfc_3339_and_utc_unless_they_say_otherwise() -> None:
    assert parse_time("2026-01-31T12:00:00Z", "-x") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert parse_time("2026-01-31T12:00:00", "-x") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert parse_time("2026-01-31T12:00:00+02:00", "-x").utcoffset() is not None
    with pytest.raises(InvalidError, match="--since-time: 'noon' is not an RFC 3339 time"):
        parse_time("noon", "--since-time")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (5, "5s"),
        (119, "119s"),
        (120, "2m"),
        (123, "2m3s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_000, "3h3m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (183_600, "2d3h"),
        (691_200, "8d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 86_400, "2y1d"),
        (9 * YEAR, "9y"),
    ],
)
def test_ages_read_as_kubectls(seconds: float, text: str) -> None:
    assert render_age(seconds) == text
