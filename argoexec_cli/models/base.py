"""How every model is made and how strangers' input becomes one.

The models hold exactly the fields that argoexec implements, under Kubernetes' and Argo's own
(camelCase) names. Decoding is strict, so *the model is the list of supported fields*: anything else
is refused by its path, never ignored.

The modules here do without `from __future__ import annotations`: it makes the types of fields
strings, and msgspec compiles each of those hundreds at the start of every command.
"""

import re
import threading
from functools import lru_cache
from typing import Any, TypeVar, dataclass_transform, get_args

import msgspec
from msgspec import StructMeta

from argoexec_cli.errors import InvalidError, UnsupportedFieldError

_T = TypeVar("_T")
_UNKNOWN = re.compile(
    r"^Object contains unknown field `(?P<field>[^`]*)`(?: - at `\$\.?(?P<at>.*)`)?$", re.DOTALL
)

_ready: set[object] = set()
_looking = threading.Lock()
_INDEX = re.compile(r"\[[^\]]*\]")
_LONGEST = 80
"""Characters of a name that are compared with those of fields: no field's is that long."""


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class _ModelMeta(StructMeta):
    """Tells type checkers what `Model` passes on to its subclasses; msgspec does the rest by
    itself.
    """


class Model(
    msgspec.Struct,
    metaclass=_ModelMeta,
    frozen=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename="camel",
):
    """Base of all models: immutable, compared by value, encoded without the fields that hold their
    default.
    """


class FieldError(InvalidError):
    """A field of the input is wrong. `path` is where (`spec.containers[0].image`), for line numbers
    in files.
    """

    def __init__(self, path: str, problem: str, *, hint: str = "") -> None:
        """Say that the field at *path* has *problem*."""
        super().__init__(f"{path}: {problem}" if path else problem, hint=hint)
        self.path = path


class UnknownFieldError(FieldError, UnsupportedFieldError):
    """A field that the model does not have."""

    def __init__(self, path: str, *, hint: str = "") -> None:
        """Refuse the field at *path* by its name."""
        super().__init__(path, "not supported", hint=hint)
        self.message = f"{path} is not supported"
        self.args = (self.message,)


def decode(data: object, model: type[_T]) -> _T:
    """Build *model* from plain data (dicts, lists, strings, numbers).

    Raises `UnknownFieldError` for a field that is not implemented and `FieldError` for a value of
    the wrong type, each with the path of the first such field.
    """
    _make_ready(model)
    try:
        return msgspec.convert(data, model)
    except msgspec.ValidationError as exc:
        raise _field_error(str(exc), model) from exc


def decode_json(data: bytes | str, model: type[_T]) -> _T:
    """Like `decode`, from a JSON document."""
    _make_ready(model)
    try:
        return msgspec.json.decode(data, type=model)
    except msgspec.ValidationError as exc:
        raise _field_error(str(exc), model) from exc
    except msgspec.DecodeError as exc:
        raise InvalidError(f"not a JSON document: {exc}") from exc


def encode(value: Model) -> dict[str, Any]:
    """Turn a model into plain JSON-able data under its public field names."""
    data: dict[str, Any] = msgspec.to_builtins(value)
    return data


def encode_json(value: Model) -> bytes:
    """Turn a model into a JSON document. Equal models give equal bytes."""
    return msgspec.json.encode(value)


@lru_cache
def field_paths(model: type[msgspec.Struct], prefix: str = "") -> tuple[str, ...]:
    """List every field that *model* and the models below it have, as `spec.containers[].image`."""
    paths: list[str] = []
    for field in msgspec.structs.fields(model):
        inner = _struct_in(field.type)
        many = "[]" if inner and _is_sequence(field.type) else ""
        path = f"{prefix}{field.encode_name}{many}"
        paths.append(path)
        if inner:
            paths += field_paths(inner, f"{path}.")
    return tuple(paths)


def _make_ready(model: type[_T]) -> None:
    """Have msgspec look at *model* in one thread only: two that decode it for the first time at
    once crash the process.
    """
    if model not in _ready:
        with _looking:
            msgspec.json.Decoder(model)
            _ready.add(model)


def _field_error(text: str, model: object) -> FieldError:
    if match := _UNKNOWN.match(text):
        at, name = match["at"] or "", match["field"]
        path = f"{at}.{name}" if at else name
        return UnknownFieldError(path, hint=_suggestion(path, model))
    problem, _, at = text.partition(" - at `$")
    return FieldError(
        at.rstrip("`").removeprefix("."), problem[:1].lower() + problem[1:].replace("`", "")
    )


def _suggestion(path: str, model: object) -> str:
    """Return a hint that names the field's most similar sibling, if one is similar."""
    if not (isinstance(model, type) and issubclass(model, msgspec.Struct)):
        return ""
    import difflib  # for errors alone

    parent, _, name = _INDEX.sub("[]", path).rpartition(".")
    close = difflib.get_close_matches(name[:_LONGEST], _children(model).get(parent, []), n=1)
    return f"did you mean {close[0]}?" if close else ""


@lru_cache
def _children(model: type[msgspec.Struct]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for path in field_paths(model):
        parent, _, name = path.rpartition(".")
        children.setdefault(parent, []).append(name.removesuffix("[]"))
    return children


def _is_sequence(hint: object) -> bool:
    return any(origin in str(hint) for origin in ("tuple[", "list["))


def _struct_in(hint: object) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for arg in get_args(hint) if (found := _struct_in(arg))), None)
