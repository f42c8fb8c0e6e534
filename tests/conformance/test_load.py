"""The cases that ship."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from argoexec_cli.conformance.load import all_cases, choose
from argoexec_cli.errors import NotFoundError
from argoexec_cli.models.base import field_paths
from argoexec_cli.models.pod import PodSpec


def test_there_are_many_and_each_says_what_it_expects() -> None:
    cases = all_cases()
    assert len(cases) >= 100
    assert [name for name, count in Counter(c.name for c in cases).items() if count > 1] == []
    idle = [c.name for c in cases if c.expect == type(c.expect)()]
    assert idle == []


def test_every_field_of_a_pod_is_in_a_case_that_runs() -> None:
    said = {
        path
        for case in all_cases()
        if case.expect.refused is None
        for path in _paths(case.pod["spec"], "spec.")
    }
    missing = {
        path.replace("initContainers[]", "containers[]") for path in field_paths(PodSpec, "spec.")
    } - said
    assert sorted(missing) == []


def _paths(value: object, at: str) -> Iterator[str]:
    """Yield the path of every key; init containers have what containers have."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = "containers" if key == "initContainers" else key
            many = "[]" if isinstance(inner, list) and isinstance(inner[0], dict) else ""
            yield f"{at}{name}{many}"
            yield from _paths(inner, f"{at}{name}{many}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, at)


def test_a_pattern_chooses_by_name_or_topic() -> None:
    cases = all_cases()
    stops = choose(cases, ["stop"])
    assert {case.topic for case in stops} == {"stop"}
    assert choose(cases, ["a-deadline*"]) == [c for c in stops if c.name.startswith("a-deadline")]
    assert choose(cases, []) == list(cases)


def test_a_pattern_that_matches_nothing_is_told() -> None:
    with pytest.raises(NotFoundError, match="no case is called 'nonsense'"):
        choose(all_cases(), ["stop", "nonsense"])
