"""Plain scalars mean what they mean in Kubernetes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.controller.scalars import read_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hello", "hello"),
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", True),
        ("y", True),
        ("Off", False),
        ("12", 12),
        ("-12", -12),
        ("1_000", 1000),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("08", 8.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        ("18446744073709551616", 18446744073709551616.0),
        ("9" * 500, "9" * 500),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        (".inf", ".inf"),
        ("-", "-"),
        ("0x", "0x"),
    ],
)
def test_a_scalar_is_read_as_kubernetes_reads_it(text: str, value: object) -> None:
    found = read_scalar(text)
    assert (found, type(found)) == (value, type(value))


@given(st.text(alphabet="0123456789abcdefxob+-._eE"))
def test_nothing_that_looks_like_a_number_breaks_it(text: str) -> None:
    read_scalar(text)
