"""Argo's simple template tags: `{{inputs.parameters.message}}`.

A tag is replaced once; what it is replaced with is data, and not searched for further tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argoexec_cli.models.base import FieldError

_ALL_OF = ("inputs.parameters", "workflow.parameters")
_SHOWN = 80


def substitute(data: Any, values: Mapping[str, str], path: str) -> Any:
    """Return plain *data* with the tags in all its strings and keys replaced.

    `FieldError` names the tag and its field, which is at *path* or below.
    """
    if isinstance(data, str):
        return replace_tags(data, values, path)
    if isinstance(data, dict):
        return {
            replace_tags(key, values, path): substitute(value, values, f"{path}.{key}")
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [substitute(item, values, f"{path}[{i}]") for i, item in enumerate(data)]
    return data


def replace_tags(
    text: str, values: Mapping[str, str], path: str, *, keep_unknown: bool = False
) -> str:
    """Return *text* with its tags replaced; unknown ones stay, or are a `FieldError` at *path*."""
    parts, at = [], 0
    while (start := text.find("{{", at)) >= 0 and (end := text.find("}}", start)) >= 0:
        tag = text[start + 2 : end].strip()
        known = values.get(tag)
        if known is None and not keep_unknown:
            raise _unresolved(tag, values, path)
        parts += [text[at:start], text[start : end + 2] if known is None else known]
        at = end + 2
    return "".join([*parts, text[at:]])


def _unresolved(tag: str, values: Mapping[str, str], path: str) -> FieldError:
    if tag.startswith("="):
        return FieldError(
            path,
            f"expressions are not supported: {_shorten('{{' + tag + '}}')}",
            hint="use a simple tag such as {{inputs.parameters.NAME}}",
        )
    import difflib  # for errors alone

    # `inputs.parameters` is all of them as JSON: hardly what a misspelt name stands for.
    single = [name for name in values if name not in _ALL_OF]
    close = difflib.get_close_matches(tag[:_SHOWN], single, n=1)
    known = f"did you mean {{{{{close[0]}}}}}?" if close else f"known: {', '.join(sorted(values))}"
    return FieldError(path, f"failed to resolve {_shorten('{{' + tag + '}}')}", hint=known)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
