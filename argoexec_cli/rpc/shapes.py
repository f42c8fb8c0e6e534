"""What the readers and writers of Kubernetes' messages know about both sides.

A model's fields have the JSON names of Kubernetes, and so have the fields of the messages. They
differ in the few types that are special on the wire, and where Go embeds one struct in another.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, get_args

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

TIME: Final = "k8s.io.apimachinery.pkg.apis.meta.v1.Time"
QUANTITY: Final = "k8s.io.apimachinery.pkg.api.resource.Quantity"
EMBEDDED: Final = ("volumeSource", "localObjectReference")
"""Fields that are Go's embedded structs: in JSON their fields stand beside their siblings."""

NOT_ON_THE_WIRE: Final = frozenset({"apiVersion", "kind"})
"""The message's type says it."""

Struct = type[msgspec.Struct]


@cache
def model_fields(model: Struct) -> dict[str, Struct | None]:
    """Return the JSON name of each field of *model* and the model that is in it, if any."""
    return {field.encode_name: _struct_in(field.type) for field in msgspec.structs.fields(model)}


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether *field* is a list or a map; its label is spelt differently in every protobuf."""
    return bool(field.default_value == [])


def map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """Return the descriptor of a map's values, or None when *field* is no map.

    A map's entries are the only messages with options here. To read them one by one, protobuf would
    load the description of itself, which takes longer than everything else at a command's start.
    """
    kind: Descriptor | None = field.message_type
    if kind is None or not kind.has_options:
        return None
    return kind.fields_by_name["value"]


def is_message(field: FieldDescriptor, full_name: str) -> bool:
    """Whether *field* holds messages of the type *full_name*."""
    return field.message_type is not None and field.message_type.full_name == full_name


def unknown_numbers(message: Message) -> list[int]:
    """Return the numbers of the fields that *message* has and its type does not."""
    unknown = UnknownFieldSet(message)
    return [unknown[place].field_number for place in range(len(unknown))]


def _struct_in(hint: Any) -> Struct | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for arg in get_args(hint) if (found := _struct_in(arg))), None)
