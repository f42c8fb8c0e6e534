"""Tokens to a tree, by precedence climbing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from argoexec_cli.argo.expr.tokens import ExprError, Token, tokens

_DEEPEST: Final = 60
_WORDS: Final = {"true": True, "false": False, "nil": None, "null": None}
_PIPE: Final = 0
_BINARY: Final = {
    "|": _PIPE,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">="), 20),
    **dict.fromkeys(("in", "contains", "startsWith", "endsWith", "matches"), 20),
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
_NOT: Final = 50
_SIGN: Final = 90
_CLOSURE_HINT: Final = "without one there are in, contains, matches, len, keys, first, jsonpath"
_NAMESPACE_HINT: Final = "without a namespace there are trim, upper, lower, split, hasPrefix"


class Literal(NamedTuple):
    """A value as it is."""

    value: Any


class Name(NamedTuple):
    """A variable."""

    name: str


class Member(NamedTuple):
    """`object.key`, `object[key]`; `safe` is `?.`, nil for nil."""

    target: Any
    key: Any
    safe: bool = False


class Slice(NamedTuple):
    """`object[start:end]`."""

    target: Any
    start: Any
    end: Any


class Call(NamedTuple):
    """`name(arguments)`."""

    name: str
    arguments: tuple[Any, ...]


class Unary(NamedTuple):
    """`not x`, `-x`."""

    operator: str
    operand: Any


class Binary(NamedTuple):
    """`left operator right`."""

    operator: str
    left: Any
    right: Any


class Choice(NamedTuple):
    """`condition ? one : other`."""

    condition: Any
    one: Any
    other: Any


class Items(NamedTuple):
    """`[a, b]`."""

    items: tuple[Any, ...]


class Pairs(NamedTuple):
    """`{a: b}`."""

    pairs: tuple[tuple[Any, Any], ...]


def parse(text: str) -> Any:
    """Return the tree of a condition. `ExprError` for what is wrong, or not known here."""
    if text.split(maxsplit=1)[:1] == ["let"]:
        raise ExprError("let is not supported", hint="write the value where it is used")
    parser = _Parser(tokens(text))
    tree = parser.expression()
    if parser.here.kind != "end":
        raise parser.unexpected()
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._place]

    def unexpected(self) -> ExprError:
        if self.here.kind == "end":
            return ExprError("the condition ends too early")
        if self.here.kind == "mark" and self.here.value == "#":
            text = "a closure ('#', as in all, any, filter, map) is not supported"
            return ExprError(text, hint=_CLOSURE_HINT)
        return ExprError(f"unexpected {self.here.value!r} at character {self.here.at + 1}")

    def expression(self, least: int = 0) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExprError("the condition is nested too deeply")
        left = self._unary()
        while (weight := self._weight()) is not None and weight >= least:
            if weight == _PIPE:
                left = self._piped(left)
                continue
            operator, negated = self._operator()
            right = self.expression(weight if operator == "**" else weight + 1)
            left = Binary(operator, left, right)
            left = Unary("not", left) if negated else left
        if least == 0 and self._take("?"):
            one = self.expression()
            self._need(":")
            left = Choice(left, one, self.expression())
        self._depth -= 1
        return left

    def _weight(self) -> int | None:
        token = self.here
        if token.kind == "name" and token.value == "not":
            after = self._tokens[self._place + 1]
            return _BINARY.get(after.value) if after.kind == "name" else None
        return _BINARY.get(token.value) if token.kind in ("name", "mark") else None

    def _operator(self) -> tuple[str, bool]:
        negated = self._take("not")
        operator = self.here.value
        self._place += 1
        return {"&&": "and", "||": "or", "^": "**"}.get(operator, operator), negated

    def _piped(self, left: Any) -> Any:
        """Return the call of `left | name(more)`: left is its first argument."""
        self._need("|")
        name = self._word().value
        self._need("(")
        return Call(name, (left, *self._list(")", self.expression)))

    def _unary(self) -> Any:
        if self._take("not") or self._take("!"):
            return Unary("not", self.expression(_NOT))
        if self._take("-"):
            return Unary("-", self.expression(_SIGN))
        if self._take("+"):
            return self.expression(_SIGN)
        return self._postfix(self._primary())

    def _primary(self) -> Any:
        token = self.here
        if token.kind in ("number", "string"):
            self._place += 1
            return Literal(token.value)
        if token.kind == "name" and token.value not in _BINARY:
            self._place += 1
            return self._name(token.value)
        if self._take("("):
            inner = self.expression()
            self._need(")")
            return inner
        if self._take("["):
            return Items(self._list("]", self.expression))
        if self._take("{"):
            return Pairs(self._list("}", self._pair))
        raise self.unexpected()

    def _name(self, name: str) -> Any:
        if name in _WORDS:
            return Literal(_WORDS[name])
        if self._take("("):
            return Call(name, self._list(")", self.expression))
        return Name(name)

    def _pair(self) -> tuple[Any, Any]:
        token = self.here
        if token.kind in ("name", "string", "number"):
            self._place += 1
            key: Any = Literal(str(token.value))
        else:
            key = self._primary()
        self._need(":")
        return key, self.expression()

    def _postfix(self, target: Any) -> Any:
        while True:
            if self._take("."):
                target = Member(target, self._word())
            elif self._take("?."):
                if self._take("["):
                    target = Member(target, self.expression(), True)
                    self._need("]")
                else:
                    target = Member(target, self._word(), True)
            elif self._take("["):
                target = self._index(target)
            elif self.here.value == "(" and self.here.kind == "mark":
                text = f"the function {_dotted(target)} is not supported"
                raise ExprError(text, hint=_NAMESPACE_HINT)
            else:
                return target

    def _word(self) -> Literal:
        if self.here.kind != "name":
            raise self.unexpected()
        self._place += 1
        return Literal(self._tokens[self._place - 1].value)

    def _index(self, target: Any) -> Any:
        start = None if self.here.value == ":" else self.expression()
        if self._take(":"):
            end = None if self.here.value == "]" else self.expression()
            self._need("]")
            return Slice(target, start, end)
        self._need("]")
        return Member(target, start)

    def _list(self, closing: str, item: Callable[[], Any]) -> tuple[Any, ...]:
        found: list[Any] = []
        while not self._take(closing):
            if found:
                self._need(",")
                if self._take(closing):
                    break
            found.append(item())
        return tuple(found)

    def _take(self, value: str) -> bool:
        token = self.here
        if token.kind in ("mark", "name") and token.value == value:
            self._place += 1
            return True
        return False

    def _need(self, value: str) -> None:
        if not self._take(value):
            raise self.unexpected()


def _dotted(target: Any) -> str:
    """Return what was called by the names in it."""
    if isinstance(target, Name | Call):
        return target.name
    if isinstance(target, Member) and isinstance(target.key, Literal):
        return f"{_dotted(target.target)}.{target.key.value}"
    return "that is called here"
