"""Label selectors as kubectl reads them."""

from __future__ import annotations

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.models.selector import parse_selector

LABELS = {"app": "web", "tier": "db", "example.com/x": "", "in": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("  ", True),
        ("app", True),
        ("!app", False),
        ("none", False),
        ("!none", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app!=web", False),
        ("none!=web", True),
        ("none=", False),
        ("example.com/x=", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("app notin (api)", True),
        ("none notin (api)", True),
        ("app in (a,web),tier=db,!none", True),
        ("app in (a,web),tier!=db", False),
        ("in=1", True),
    ],
)
def test_matching(text: str, expected: bool) -> None:
    assert parse_selector(text)(LABELS) is expected


@pytest.mark.parametrize(
    "text", ["a=b=c", "=b", "a,,b", "a in b", "a in (b", "a b", "a=b c", "-a=b", "a>1"]
)
def test_what_cannot_be_read_is_quoted(text: str) -> None:
    with pytest.raises(InvalidError, match="label selector: cannot read") as caught:
        parse_selector(text)
    assert caught.value.hint


def test_a_long_one_is_refused_and_one_of_many_terms_is_read_in_one_pass() -> None:
    with pytest.raises(InvalidError, match="100001 characters are too many"):
        parse_selector("a," * 50_000 + "b")
    # Looking ahead from each comma would take minutes.
    assert parse_selector("app," * 16_000 + "app in (a,web)")(LABELS)
