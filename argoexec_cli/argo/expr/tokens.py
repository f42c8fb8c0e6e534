"""Text to tokens."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from argoexec_cli.errors import InvalidError

_LONGEST: Final = 10_000
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<number>0[xX][0-9a-fA-F_]+ | \d[\d_]*(?:\.(?!\.)\d*)?(?:[eE][-+]?\d+)? | \.\d+)
  | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
  | (?P<raw>`[^`]*`)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<mark>\*\*|\?\.|\?\?|\.\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>!?:.,()\[\]{}|\#])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


class ExprError(InvalidError):
    """A condition that cannot be understood or evaluated; the message says which part and why."""


class Token(NamedTuple):
    """One token. `kind` is number, string, name, mark or end."""

    kind: str
    value: Any
    at: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of *text*, `end` last. `ExprError`."""
    if len(text) > _LONGEST:
        raise ExprError(f"the condition is longer than {_LONGEST} characters")
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExprError(f"cannot read {text[at : at + 20]!r} at character {at + 1}")
        kind, value = str(match.lastgroup), match[0]
        if kind != "space":
            found.append(_token(kind, value, at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def _token(kind: str, text: str, at: int) -> Token:
    if kind == "number":
        return Token("number", _number(text.replace("_", "")), at)
    if kind == "raw":
        return Token("string", text[1:-1], at)
    if kind == "string":
        return Token("string", _ESCAPE.sub(_unescape, text[1:-1]), at)
    return Token(kind, text, at)


def _number(text: str) -> int | float:
    if text[:2] in ("0x", "0X"):
        return int(text[2:], 16)
    return float(text) if any(mark in text for mark in ".eE") else int(text)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
