"""Models become messages of Kubernetes: `msgspec` makes plain data, a few tables adapt it.

Only what differs between JSON and the wire is looked at: times, quantities, embedded structs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from argoexec_cli.rpc.shapes import (
    EMBEDDED,
    NOT_ON_THE_WIRE,
    QUANTITY,
    TIME,
    Struct,
    is_message,
    is_repeated,
    map_value,
    model_fields,
)

Plain = dict[str, Any]
Adapt = Callable[[Any], Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def write_time(moment: datetime) -> dict[str, int]:
    """Turn a datetime (UTC, when it has no zone) into a message's fields: seconds and nanos."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return {"seconds": since.days * 86_400 + since.seconds, "nanos": since.microseconds * 1_000}


@cache
def writer(message: Descriptor, model: Struct) -> Callable[[Plain], Plain] | None:
    """Return what adapts plain data of *model* to *message*, in place; None where nothing differs.

    Raises TypeError, at the first use in a process, for a model whose field the message lacks.
    """
    embedded, inside = _embedded(message)
    fields = {**message.fields_by_name, **inside}
    adapters: dict[str, Adapt] = {}
    for name, inner in model_fields(model).items():
        if name in NOT_ON_THE_WIRE:
            continue
        if name not in fields:
            raise TypeError(f"{message.full_name} has no field for {model.__name__}.{name}")
        if adapt := _adapter(fields[name], inner):
            adapters[name] = adapt
    return _Adapter(adapters, embedded, set(inside)) if adapters or embedded else None


def _embedded(message: Descriptor) -> tuple[str, dict[str, FieldDescriptor]]:
    """Return name and fields of the struct that is embedded in *message*, if there is one."""
    for name in EMBEDDED:
        field = message.fields_by_name.get(name)
        if field is not None and field.message_type is not None:
            return name, dict(field.message_type.fields_by_name)
    return "", {}


class _Adapter:
    """Adapts one type of model. Most fields need nothing, so only those that do are visited."""

    def __init__(self, adapters: dict[str, Adapt], embedded: str, inside: set[str]) -> None:
        self._adapters = adapters
        self._embedded = embedded
        self._inside = inside

    def __call__(self, plain: Plain) -> Plain:
        for name, adapt in self._adapters.items():
            if (value := plain.get(name)) is not None:
                plain[name] = adapt(value)
        if self._embedded and (moved := self._inside & plain.keys()):
            plain[self._embedded] = {name: plain.pop(name) for name in moved}
        return plain


def _adapter(field: FieldDescriptor, model: Struct | None) -> Adapt | None:
    if (value := map_value(field)) is not None:
        return _write_quantities if is_message(value, QUANTITY) else None
    if is_message(field, TIME):
        return write_time
    if is_message(field, QUANTITY):
        return _write_quantity
    if field.message_type is None:
        return None
    if model is None:
        raise TypeError(f"{field.full_name} is a message, but the model's field is not")
    write = writer(field.message_type, model)
    if write is None or not is_repeated(field):
        return write
    return lambda items: [write(item) for item in items]


def _write_quantity(quantity: str | float) -> dict[str, str]:
    return {"string": str(quantity)}


def _write_quantities(quantities: dict[str, str | float]) -> dict[str, dict[str, str]]:
    return {name: {"string": str(quantity)} for name, quantity in quantities.items()}
