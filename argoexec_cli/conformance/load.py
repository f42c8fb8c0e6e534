"""The cases that come with the program."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec

from argoexec_cli.conformance.case import Case
from argoexec_cli.errors import InternalError, NotFoundError
from argoexec_cli.models.base import FieldError, decode


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case, by topic, in the order of the files' names."""
    places = [p for p in files(__package__).joinpath("cases").iterdir() if p.name.endswith(".yaml")]
    cases = [case for place in sorted(places, key=lambda p: p.name) for case in _read(place)]
    names = [case.name for case in cases]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InternalError(f"conformance cases with one name: {', '.join(sorted(twice))}")
    return tuple(cases)


def choose(cases: Iterable[Case], patterns: Sequence[str]) -> list[Case]:
    """Return the cases whose name or topic matches one of *patterns* (`*`, `?`); all without any.

    `NotFoundError` for a pattern that matches nothing.
    """
    chosen = {pattern: [c for c in cases if _matches(c, pattern)] for pattern in patterns}
    if nothing := [pattern for pattern, found in chosen.items() if not found]:
        raise NotFoundError(
            f"no case is called {nothing[0]!r}", hint="see them all: argoexec conform --list"
        )
    names = {case.name for found in chosen.values() for case in found}
    return [case for case in cases if not patterns or case.name in names]


def _matches(case: Case, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for text in (case.name, case.topic))


def _read(place: Traversable) -> list[Case]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: list[dict[str, Any]] = yaml.load(place.read_bytes(), loader)  # noqa: S506 - a safe one
    topic = place.name.removesuffix(".yaml")
    try:
        return [msgspec.structs.replace(decode(one, Case), topic=topic) for one in data]
    except FieldError as exc:
        raise InternalError(f"{place.name}: {exc.message}") from exc
