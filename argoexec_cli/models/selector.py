"""Label selectors in kubectl's syntax: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`,
joined by commas.

Source: k8s.io/apimachinery labels.Parse.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from argoexec_cli.errors import InvalidError

Selector = Callable[[Mapping[str, str]], bool]

_KEY: Final = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_SET: Final = re.compile(rf"{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL: Final = re.compile(rf"{_KEY}\s*(?P<op>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)")
_EXISTS: Final = re.compile(rf"(?P<op>!?)\s*{_KEY}")
_SEPARATOR: Final = re.compile(r",|\([^()]*\)")
"""A comma, or a whole set, whose commas separate no terms."""
_LONGEST: Final = 65_536
"""More than any question needs, and little enough to be asked of every pod."""


def parse_selector(text: str) -> Selector:
    """Return a predicate on labels; an empty text matches everything. `InvalidError` names the part
    that is wrong.
    """
    if len(text) > _LONGEST:
        raise InvalidError(
            f"label selector: {len(text)} characters are too many", hint=f"at most {_LONGEST}"
        )
    terms = [_parse_term(part.strip()) for part in _split(text)] if text.strip() else []
    return lambda labels: all(term(labels) for term in terms)


def _split(text: str) -> list[str]:
    """Cut at the commas between terms, in one pass over the text."""
    parts, begin = [], 0
    for match in _SEPARATOR.finditer(text):
        if match[0] == ",":
            parts.append(text[begin : match.start()])
            begin = match.end()
    return [*parts, text[begin:]]


def _parse_term(text: str) -> Selector:
    if match := _SET.fullmatch(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.fullmatch(text):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.fullmatch(text):
        key, wanted = match["key"], not match["op"]
        return lambda labels: (key in labels) is wanted
    raise InvalidError(
        f"label selector: cannot read {text!r}", hint="for example: -l app=web,tier!=db"
    )
