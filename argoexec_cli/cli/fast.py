"""Reads command lines that are well-formed. Whatever it does not understand is left to typer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from argoexec_cli.cli.declare import REQUIRED, Argument, Option, Param, is_list

_FLAG: Final = {"true": True, "false": False}
"""Values of a flag, as in kubectl's --all-containers=true."""


class NotUnderstoodError(Exception):
    """The command line is not plainly right. No reason is given: typer will find the words."""


def parse(params: Sequence[Param], words: Sequence[str]) -> dict[str, Any]:
    """Return a value for every parameter, or raise `NotUnderstoodError`.

    Understands `--name value`, `--name=value`, `-n value`, flags (also `--flag=true`), and `--`
    before plain words.
    """
    options = {flag: param for param in params for flag in param.flags}
    given: dict[str, list[str]] = {}
    plain: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            plain += rest
            break
        if word == "-" or not word.startswith("-"):
            plain.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        param = options.get(name)
        if param is None or (param.type is bool and equals and value not in _FLAG):
            raise NotUnderstoodError
        if param.type is bool and not equals:
            value = "true"
        elif not equals:
            if not rest:
                raise NotUnderstoodError
            value = rest.pop(0)
        given.setdefault(param.name, []).append(value)
    _give_plain(params, plain, given)
    return {param.name: _value(param, given.get(param.name)) for param in params}


def _give_plain(params: Sequence[Param], plain: list[str], given: dict[str, list[str]]) -> None:
    for param in params:
        if isinstance(param.declared, Argument) and plain:
            count = len(plain) if is_list(param.type) else 1
            given[param.name], plain = plain[:count], plain[count:]
    if plain:
        raise NotUnderstoodError


def _value(param: Param, texts: list[str] | None) -> Any:
    if texts is None:
        if param.default is REQUIRED:
            raise NotUnderstoodError
        return param.default
    if param.type is bool:
        return _FLAG[texts[-1]]
    convert = _converter(param)
    try:
        values = [convert(text) for text in texts]
    except ValueError as exc:
        raise NotUnderstoodError from exc
    return values if is_list(param.type) else values[-1]


def _converter(param: Param) -> Callable[[str], Any]:
    kind = next((one for one in get_args(param.type) if one is not NoneType), param.type)
    if get_origin(param.type) is Literal:
        return lambda text: _one_of(text, get_args(param.type))
    if is_list(param.type):
        return str
    if kind is int:
        return lambda text: _at_least(int(text), param.declared)
    if kind in (str, Path) or (isinstance(kind, type) and issubclass(kind, Enum)):
        converter: Callable[[str], Any] = kind
        return converter
    raise NotUnderstoodError


def _one_of(text: str, choices: tuple[Any, ...]) -> str:
    if text not in choices:
        raise ValueError(text)
    return text


def _at_least(number: int, declared: Option | Argument) -> int:
    least = declared.min if isinstance(declared, Option) else None
    if least is not None and number < least:
        raise ValueError(number)
    return number
