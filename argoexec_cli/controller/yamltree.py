"""Builds plain data, with the line of every field, from the events of a YAML parser."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import msgspec

from argoexec_cli.controller.libyaml import yaml
from argoexec_cli.controller.scalars import read_scalar
from argoexec_cli.errors import InvalidError

Lines = dict[int, dict[str | int, int]]
"""By the `id` of each mapping and sequence: the line of each of its keys."""

_MAX_DEPTH: Final = 100
_QUOTE: Final = "quote it to make it plain text"
_STRING_TAGS: Final = ("!", "tag:yaml.org,2002:str")


class Tree(msgspec.Struct, frozen=True):
    """One document. `data` is None when it is empty."""

    line: int
    data: Any
    lines: Lines


class _Frame:
    """A mapping or sequence that is still open."""

    def __init__(self, value: dict[str, Any] | list[Any], event: Any, size_before: int) -> None:
        self.value = value
        self.anchor: str | None = event.anchor
        self.line = _line(event)
        self.size_before = size_before
        self.key: str | None = None
        self.key_line = self.line
        self.lines: dict[str | int, int] = {}
        self.merged: list[dict[str, Any]] = []


class TreeBuilder:
    """Feed it all events of a file in order. Raises `InvalidError` with file and line.

    Aliases share what they refer to, and count for as much as writing it out would: *max_size*
    limits the values and characters of a document after that.
    """

    def __init__(self, file: str, *, max_size: int) -> None:
        self.trees: list[Tree] = []
        self._file = file
        self._max_size = max_size
        self._reset(1)

    def _reset(self, line: int) -> None:
        self._line = line
        self._root: Any = None
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._lines: Lines = {}
        self._size = 0

    def feed(self, event: Any) -> None:
        """Take one event."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open([], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._reset(_line(event))
        elif isinstance(event, yaml.DocumentEndEvent):
            self.trees.append(Tree(self._line, self._root, self._lines))

    def _scalar(self, event: Any) -> None:
        if self._wants_key():
            self._take_key(event)
            return
        value = self._value_of(event)
        self._grow(1 + len(event.value), event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1 + len(event.value))
        self._put(value, event)

    def _value_of(self, event: Any) -> Any:
        plain, _ = event.implicit
        if event.tag is None:
            return read_scalar(event.value) if plain else event.value
        if event.tag not in _STRING_TAGS:
            self._refuse(event, f"the tag {event.tag} is not supported", "leave the tag out")
        return event.value

    def _take_key(self, event: Any) -> None:
        frame, key = self._frames[-1], event.value
        if key in frame.lines:
            first = frame.lines[key]
            problem = f"the key {key!r} appears twice (first in line {first})"
            self._refuse(event, problem, "remove one of the two")
        self._grow(len(key), event)
        if event.anchor:
            self._anchors[event.anchor] = (key, len(key))
        frame.key, frame.key_line = key, _line(event)
        frame.lines[key] = frame.key_line

    def _alias(self, event: Any) -> None:
        if self._wants_key():
            self._refuse(event, "a key must be text", _QUOTE)
        if event.anchor not in self._anchors:
            problem = f"the alias *{event.anchor} refers to nothing before it"
            self._refuse(event, problem, f"{_QUOTE}, or define &{event.anchor} further up")
        value, size = self._anchors[event.anchor]
        self._grow(size, event)
        self._put(value, event)

    def _open(self, value: dict[str, Any] | list[Any], event: Any) -> None:
        if self._wants_key():
            self._refuse(event, "a key must be text", _QUOTE)
        if event.tag is not None and not event.implicit:
            self._refuse(event, f"the tag {event.tag} is not supported", "leave the tag out")
        if len(self._frames) >= _MAX_DEPTH:
            problem = f"nested more than {_MAX_DEPTH} levels deep"
            self._refuse(event, problem, "no manifest needs that; check its brackets and dashes")
        self._grow(1, event)
        self._frames.append(_Frame(value, event, self._size - 1))

    def _close(self) -> None:
        frame = self._frames.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merged:
                for key, value in merged.items():
                    if key not in frame.value:
                        frame.value[key] = value
                        frame.lines[key] = self._lines.get(id(merged), {}).get(key, frame.line)
        self._lines[id(frame.value)] = frame.lines
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, self._size - frame.size_before)
        self._put(frame.value, None, frame.line)

    def _put(self, value: Any, event: Any, line: int = 0) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        if isinstance(frame.value, list):
            frame.lines[len(frame.value)] = line or _line(event)
            frame.value.append(value)
            return
        key, frame.key = frame.key, None
        if key == "<<":
            self._merge(frame, value)
        # Kubernetes takes a null for a field that is not there.
        elif key is not None and value is not None:
            frame.value[key] = value

    def _merge(self, frame: _Frame, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise InvalidError(
                f"{self._file}:{frame.key_line}: << wants a mapping to merge",
                hint="write <<: *name, where &name marks a mapping further up",
            )
        frame.merged += sources

    def _wants_key(self) -> bool:
        frame = self._frames[-1] if self._frames else None
        return frame is not None and isinstance(frame.value, dict) and frame.key is None

    def _grow(self, by: int, event: Any) -> None:
        self._size += by
        if self._size > self._max_size:
            problem = "too large once its aliases are written out"
            self._refuse(event, problem, "use fewer aliases, or put data into the image")

    def _refuse(self, event: Any, problem: str, hint: str) -> NoReturn:
        raise InvalidError(f"{self._file}:{_line(event)}: {problem}", hint=hint)


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
