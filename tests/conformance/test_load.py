"""The cases that ship."""

from __future__ import annotations

from collections import Counter

import pytest

from argoexec_cli.conformance.load import all_cases, choose
from argoexec_cli.errors import NotFoundError


def test_there_are_many_and_each_says_what_it_expects() -> None:
    cases = all_cases()
    assert len(cases) >= 100
    assert [name for name, count in Counter(c.name for c in cases).items() if count > 1] == []
    idle = [c.name for c in cases if c.expect == type(c.expect)()]
    assert idle == []


def test_a_pattern_chooses_by_name_or_topic() -> None:
    cases = all_cases()
    stops = choose(cases, ["stop"])
    assert {case.topic for case in stops} == {"stop"}
    assert choose(cases, ["a-deadline*"]) == [c for c in stops if c.name.startswith("a-deadline")]
    assert choose(cases, []) == list(cases)


def test_a_pattern_that_matches_nothing_is_told() -> None:
    with pytest.raises(NotFoundError, match="no case is called 'nonsense'"):
        choose(all_cases(), ["stop", "nonsense"])
