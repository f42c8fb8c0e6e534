"""Messages of Kubernetes become models, by tables made once from the descriptors and the models.

A message first becomes plain data under Kubernetes' JSON names, of which `models.base.decode` then
makes the model: so a value is checked here exactly as it is in a YAML file, and refused in the same
words.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from argoexec_cli.models.base import FieldError
from argoexec_cli.rpc.shapes import (
    EMBEDDED,
    QUANTITY,
    TIME,
    Struct,
    is_message,
    is_repeated,
    map_value,
    model_fields,
    unknown_numbers,
)
from argoexec_cli.rpc.tolerance import DEFAULTS, EMPTY, IGNORED, ZERO_COUNTS

Plain = dict[str, Any]
Convert = Callable[[Any], Any]


@cache
def reader(message: Descriptor, model: Struct, *, strict: bool) -> Callable[[Any], Plain]:
    """Return what turns a *message* into plain data for *model*.

    A strict reader keeps what the model lacks, so that decoding refuses it by its path; a lenient
    one, for what a perhaps newer server answers, leaves it out.
    """
    known, embedded = _tables(message, model, strict)

    def read(value: Any) -> Plain:
        plain: Plain = {}
        for field, item in value.ListFields():
            if entry := known.get(field.number):
                name, convert = entry
                plain[name] = convert(item) if convert else item
            elif into := embedded.get(field.number):
                plain.update(into(item))
            elif strict and _counts(message, field, item):
                plain[field.name] = {}
        if strict:
            plain.update((f"#{number}", {}) for number in unknown_numbers(value))
        return plain

    return read


def _tables(
    message: Descriptor, model: Struct, strict: bool
) -> tuple[dict[int, tuple[str, Convert | None]], dict[int, Convert]]:
    """Return what to do with each field that the model has, and with embedded structs."""
    inner = model_fields(model)
    ignored = IGNORED.get(message.full_name, {}) if strict else {}
    known = {
        field.number: (field.name, _converter(field, inner[field.name], strict))
        for field in message.fields
        if field.name in inner and field.name not in ignored
    }
    embedded: dict[int, Convert] = {
        field.number: reader(field.message_type, model, strict=strict)
        for field in message.fields
        if field.name in EMBEDDED and field.message_type is not None
    }
    return known, embedded


def read_time(time: Any) -> datetime | None:
    """Turn a message with seconds and nanos into a UTC datetime; an empty one means "not set"."""
    seconds, nanos = time.seconds, time.nanos
    if not seconds and not nanos:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
        return moment.replace(microsecond=nanos // 1000) if nanos else moment
    except (OverflowError, ValueError, OSError) as exc:
        raise FieldError("", f"{seconds} s and {nanos} ns since 1970 is not a time") from exc


def _converter(field: FieldDescriptor, model: Struct | None, strict: bool) -> Convert | None:
    if (value := map_value(field)) is not None:
        return _read_quantities if is_message(value, QUANTITY) else dict
    if is_message(field, TIME):
        return read_time
    if is_message(field, QUANTITY):
        return _read_quantity
    if field.message_type is None:
        return list if is_repeated(field) else None
    if model is None:
        raise TypeError(f"{field.full_name} is a message, but the model's field is not")
    read = reader(field.message_type, model, strict=strict)
    return (lambda items: [read(item) for item in items]) if is_repeated(field) else read


def _read_quantity(quantity: Any) -> str:
    text: str = quantity.string
    return text


def _read_quantities(quantities: Any) -> dict[str, str]:
    return {name: quantity.string for name, quantity in quantities.items()}


def _counts(message: Descriptor, field: FieldDescriptor, value: Any) -> bool:
    """Whether *field*, which the model lacks, says anything; see `rpc.tolerance`."""
    if field.name in IGNORED.get(message.full_name, {}):
        return False
    if is_repeated(field):
        return True
    if field.message_type is not None:
        return field.message_type.full_name not in EMPTY or value.ByteSize() > 0
    if value == field.default_value and field.name not in ZERO_COUNTS:
        return False
    return value not in DEFAULTS.get(message.full_name, {}).get(field.name, ())
