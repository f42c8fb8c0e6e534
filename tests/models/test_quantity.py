"""Quantities are exact, rounded up, and nothing but quantities."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.quantity import parse_bytes, parse_millicores, parse_quantity

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@pytest.mark.parametrize(
    ("text", "millicores"),
    [
        ("1", 1000),
        ("500m", 500),
        ("0.1", 100),
        ("0.0001", 1),
        ("1n", 1),
        ("2e0", 2000),
        (".5", 500),
    ],
)
def test_cpu(text: str, millicores: int) -> None:
    assert parse_millicores(text) == millicores


@given(st.integers(0, 10**9), st.integers(0, 999), st.sampled_from(sorted(UNITS)))
def test_memory_is_exact_and_rounded_up(whole: int, thousandths: int, unit: str) -> None:
    exact = (whole + Fraction(thousandths, 1000)) * UNITS[unit]
    assert parse_bytes(f"{whole}.{thousandths:03}{unit}") == math.ceil(exact)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "1.2.3",
        "Ki",
        "1ki",
        "1KiB",
        "0x10",
        "1e",
        "1e1Ki",
        "inf",
        "nan",
        "\uff11",
        "1,5",
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "problem"), [("-1", "is negative"), ("8Ei", "is too large"), ("1e99", "is too large")]
)
def test_what_is_no_amount(text: str, problem: str) -> None:
    with pytest.raises(InvalidError, match=problem):
        parse_bytes(text)


def test_a_long_one_is_refused_in_one_pass() -> None:
    # Going back for each digit would take minutes.
    with pytest.raises(InvalidError, match="is not a quantity"):
        parse_quantity("1" * 100_000 + "x")
