"""A tree and variables to a value."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from argoexec_cli.argo.expr.functions import FUNCTIONS
from argoexec_cli.argo.expr.parse import (
    Binary,
    Call,
    Choice,
    Items,
    Literal,
    Member,
    Name,
    Pairs,
    Slice,
    Unary,
)
from argoexec_cli.argo.expr.tokens import ExprError

_LONGEST_RANGE: Final = 100_000
_ORDERED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_NUMBERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_TEXTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": lambda left, right: right in left,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}


def evaluate(tree: Any, variables: Mapping[str, Any]) -> Any:
    """Return the value of *tree*. `ExprError` for an unknown name or a wrong type."""
    return _VALUES[type(tree)](tree, variables)


def _name(tree: Name, variables: Mapping[str, Any]) -> Any:
    if tree.name not in variables:
        known = ", ".join(variables)
        raise ExprError(f"unknown name {tree.name}", hint=f"there are: {known}")
    return variables[tree.name]


def _member(tree: Member, variables: Mapping[str, Any]) -> Any:
    target, key = evaluate(tree.target, variables), evaluate(tree.key, variables)
    if target is None and tree.safe:
        return None
    if isinstance(target, dict):
        return target.get(key)
    if isinstance(target, list) and _is_whole(key):
        if -len(target) <= key < len(target):
            return target[key]
        raise ExprError(f"index out of range: {key} (array length is {len(target)})")
    raise ExprError(f"cannot fetch {key!r} from {kind(target)}")


def _slice(tree: Slice, variables: Mapping[str, Any]) -> Any:
    target = evaluate(tree.target, variables)
    ends = [None if one is None else evaluate(one, variables) for one in (tree.start, tree.end)]
    if not isinstance(target, str | list) or not all(one is None or _is_whole(one) for one in ends):
        raise ExprError(f"cannot slice {kind(target)}")
    return target[ends[0] : ends[1]]


def _call(tree: Call, variables: Mapping[str, Any]) -> Any:
    function = FUNCTIONS.get(tree.name)
    if function is None:
        raise ExprError(
            f"the function {tree.name} is not supported", hint=f"there are: {', '.join(FUNCTIONS)}"
        )
    arguments = [evaluate(one, variables) for one in tree.arguments]
    try:
        return function(*arguments)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as exc:
        raise ExprError(f"{tree.name}: {exc}") from exc


def _unary(tree: Unary, variables: Mapping[str, Any]) -> Any:
    value = evaluate(tree.operand, variables)
    if tree.operator == "not":
        return not _bool(value)
    if not _is_number(value):
        raise ExprError(f"cannot negate {kind(value)}")
    return -value


def _binary(tree: Binary, variables: Mapping[str, Any]) -> Any:
    name, left = tree.operator, evaluate(tree.left, variables)
    if name in ("and", "or"):
        first = _bool(left)
        return _bool(evaluate(tree.right, variables)) if first is (name == "and") else first
    if name == "??":
        return evaluate(tree.right, variables) if left is None else left
    right = evaluate(tree.right, variables)
    if name in ("==", "!="):
        return _equal(left, right) is (name == "==")
    if name == "in":
        return _in(left, right)
    if name in _ORDERED:
        return _compare(name, left, right)
    return _text(name, left, right) if name in (*_TEXTS, "matches") else _count(name, left, right)


def _compare(name: str, left: Any, right: Any) -> Any:
    if (_is_number(left) and _is_number(right)) or _both(str, left, right):
        return _ORDERED[name](left, right)
    raise ExprError(f"cannot compare {kind(left)} {name} {kind(right)}")


def _text(name: str, left: Any, right: Any) -> bool:
    if not _both(str, left, right):
        raise ExprError(f"{name} needs two strings, not {kind(left)} and {kind(right)}")
    if name != "matches":
        return _TEXTS[name](left, right)
    try:
        return re.search(right, left) is not None
    except re.error as exc:
        raise ExprError(f"matches: {right!r} is no regular expression: {exc}") from exc


def _count(name: str, left: Any, right: Any) -> Any:
    if name == "+" and (_both(str, left, right) or _both(list, left, right)):
        return left + right
    if not (_is_number(left) and _is_number(right)):
        raise ExprError(f"{name} needs two numbers, not {kind(left)} and {kind(right)}")
    if name in ("%", "..") and not (_is_whole(left) and _is_whole(right)):
        raise ExprError(f"{name} needs whole numbers")
    try:
        return _number(name, left, right)
    except (ZeroDivisionError, OverflowError) as exc:
        raise ExprError(f"{name}: {exc}") from exc


def _number(name: str, left: Any, right: Any) -> Any:
    if name == "+":
        return left + right
    if name == "**":
        return float(left) ** float(right)
    if name == "%":
        return left - right * int(left / right)  # the sign is the dividend's, as in Go
    if name == "..":
        if right - left > _LONGEST_RANGE:
            raise ExprError(f"a range of more than {_LONGEST_RANGE}")
        return list(range(left, right + 1))
    return _NUMBERS[name](left, right)


def _in(left: Any, right: Any) -> bool:
    if right is None:
        return False
    if isinstance(right, dict):
        return left in right if isinstance(left, str) else False
    if isinstance(right, list):
        return any(_equal(left, one) for one in right)
    raise ExprError(f"cannot look for something in {kind(right)}")


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExprError(f"expected bool, but got {kind(value)}")
    return value


def kind(value: Any) -> str:
    """Return the name of a value's type, for messages."""
    names = {type(None): "nil", str: "string", dict: "map", list: "array", bool: "bool"}
    return names.get(type(value), type(value).__name__)


def _both(type_: type[Any], left: Any, right: Any) -> bool:
    return isinstance(left, type_) and isinstance(right, type_)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _choice(tree: Choice, variables: Mapping[str, Any]) -> Any:
    chosen = tree.one if _bool(evaluate(tree.condition, variables)) else tree.other
    return evaluate(chosen, variables)


def _pairs(tree: Pairs, variables: Mapping[str, Any]) -> dict[Any, Any]:
    return {evaluate(key, variables): evaluate(one, variables) for key, one in tree.pairs}


_VALUES: Final[dict[type[Any], Callable[[Any, Mapping[str, Any]], Any]]] = {
    Literal: lambda tree, _: tree.value,
    Name: _name,
    Member: _member,
    Slice: _slice,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    Choice: _choice,
    Items: lambda tree, variables: [evaluate(one, variables) for one in tree.items],
    Pairs: _pairs,
}
