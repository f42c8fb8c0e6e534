"""YAML (and so JSON) to plain data that remembers its lines.

Made for strangers' files: one pass over the parser's events, so neither deep nesting nor aliases
that multiply ("billion laughs") cost more than the size of the file. Stricter than YAML where it
is lax: a key that appears twice, a tag or an unknown alias is an error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import msgspec

from argoexec_cli.controller.libyaml import yaml
from argoexec_cli.controller.yamltree import Lines, TreeBuilder
from argoexec_cli.errors import InvalidError, UnsupportedFieldError
from argoexec_cli.models.base import FieldError

MAX_BYTES: Final = 1_572_864
"""How large one file may be: what etcd, and so Kubernetes, accepts as one request."""

# JSON writes characters beyond the Basic Multilingual Plane as two escapes, which YAML refuses.
_SURROGATES: Final = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE
)


class Document(msgspec.Struct, frozen=True):
    """One document of a file: plain data, and the line of each of its fields."""

    file: str
    line: int
    data: Any
    lines: Lines

    def line_of(self, path: str) -> int:
        """Return the line of *path* (`spec.templates[0].image`), or of the nearest part above."""
        data, line = self.data, self.line
        for key in _steps(self.data, path):
            line = self.lines.get(id(data), {}).get(key, line)
            data = data[key]
        return line

    def located(self, error: FieldError) -> InvalidError:
        """Return *error* with the file and line of its field in front."""
        kind = UnsupportedFieldError if isinstance(error, UnsupportedFieldError) else InvalidError
        path = _spell_out(self.data, error.path)
        message = error.message.replace(error.path, path, 1) if error.path else error.message
        return kind(f"{self.file}:{self.line_of(path)}: {message}", hint=error.hint)

    def refuse(self, path: str, problem: str, *, hint: str = "") -> NoReturn:
        """Raise `InvalidError` for the field at *path*."""
        raise InvalidError(f"{self.file}:{self.line_of(path)}: {problem}", hint=hint)


def read_documents(text: bytes, file: str) -> list[Document]:
    """Return the documents of *text* that are not empty.

    The messages of `InvalidError` start with `file:line:`.
    """
    if len(text) > MAX_BYTES:
        raise too_large(file, len(text))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = text.count(b"\n", 0, exc.start) + 1
        raise InvalidError(
            f"{file}:{line}: not UTF-8 text ({exc.reason})",
            hint="a manifest is a text file; save this one as UTF-8, if it is one",
        ) from exc
    if decoded.lstrip()[:1] in ("{", "["):
        decoded = _SURROGATES.sub(_join_surrogates, decoded)
    builder = TreeBuilder(file, max_size=2 * MAX_BYTES)
    try:
        for event in yaml.parse(decoded, Loader=yaml.CSafeLoader):
            builder.feed(event)
    except yaml.reader.ReaderError as exc:
        line = decoded.count("\n", 0, exc.position) + 1
        raise InvalidError(
            f"{file}:{line}: not YAML: {exc.reason}", hint="remove that character from the line"
        ) from exc
    except yaml.MarkedYAMLError as exc:
        raise _not_yaml(exc, decoded, file) from exc
    return [
        Document(file, tree.line, tree.data, tree.lines)
        for tree in builder.trees
        if tree.data is not None
    ]


def objects_of(document: Document) -> Iterator[Document]:
    """Yield the objects of *document*: the items of a List, as `-o yaml` prints one, or itself."""
    data = document.data
    if not isinstance(data, dict) or data.get("kind") != "List":
        yield document
        return
    if data.get("apiVersion") != "v1":
        document.refuse("apiVersion", "a List has apiVersion v1", hint="use apiVersion: v1")
    items = data.get("items", [])
    if not isinstance(items, list):
        document.refuse("items", "items: expected a list")
    for index, item in enumerate(items):
        line = document.line_of(f"items[{index}]")
        yield from objects_of(msgspec.structs.replace(document, line=line, data=item))


def too_large(file: str, size: int | None) -> InvalidError:
    """Return the error for a manifest of *size* bytes; None: it was not read to its end."""
    told = f"{size:,} bytes are" if size else "what comes is"
    return InvalidError(
        f"{file}: {told} too large for a manifest (limit: {MAX_BYTES:,} bytes)",
        hint="put data into the image or a volume, and split many documents into several files",
    )


def _not_yaml(exc: yaml.MarkedYAMLError, text: str, file: str) -> InvalidError:
    mark = exc.problem_mark or exc.context_mark
    line = f"{mark.line + 1}:{mark.column + 1}:" if mark else ""
    rows = text.split("\n")
    tab = mark is not None and mark.line < len(rows) and "\t" in rows[mark.line]
    hint = (
        "indent with spaces; tabs are not allowed there"
        if tab
        else "check indentation, brackets, quotes and colons there and in the line above"
    )
    return InvalidError(f"{file}:{line} not YAML: {exc.problem or exc.context}", hint=hint)


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _steps(data: Any, path: str) -> Iterator[str | int]:
    """Take *path* apart as far as *data* has it. A key may itself contain dots."""
    rest = path
    while rest:
        if isinstance(data, dict):
            rest = rest.removeprefix(".")
            fits = [key for key in data if key and rest.startswith(key)]
            key = max(
                (k for k in fits if rest[len(k) : len(k) + 1] in ("", ".", "[")),
                key=len,
                default=None,
            )
            if key is None:
                return
            yield key
            data, rest = data[key], rest[len(key) :]
        elif isinstance(data, list) and (match := re.match(r"\[(\d+)\]", rest)):
            index = int(match[1])
            if index >= len(data):
                return
            yield index
            data, rest = data[index], rest[match.end() :]
        else:
            return


def _spell_out(data: Any, path: str) -> str:
    """Replace `[...]`, which stands for some key of a map, by the first key whose value is odd."""
    before, found, after = path.partition("[...]")
    if not found:
        return path
    for key in _steps(data, before):
        data = data[key]
    odd = (
        [key for key, value in data.items() if not isinstance(value, str)]
        if isinstance(data, dict)
        else []
    )
    return f"{before}.{odd[0]}{after}" if odd else path
