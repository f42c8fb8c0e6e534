"""Names and ids, made as Argo and Kubernetes make them."""

from __future__ import annotations

import os
import re
from typing import Final

from argoexec_cli.models.base import FieldError

# Source: k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come out.
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH: Final = 5
_MAX_NAME: Final = 63
_MAX_POD_PREFIX: Final = 242
_MAX_POD_NAME: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")


def fnv1a(text: str) -> int:
    """Return the 32-bit FNV-1a hash of *text* in UTF-8."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow: str, node: str) -> str:
    """Return the id of the node named *node*; the root node is named like its workflow."""
    return workflow if node == workflow else f"{workflow}-{fnv1a(node)}"


def pod_name(workflow: str, node: str, template: str) -> str:
    """Return the name of a node's pod. Source: Argo's pod names v2."""
    if node == workflow:
        return workflow
    return f"{f'{workflow}-{template}'[:_MAX_POD_PREFIX]}-{fnv1a(node)}"


def generate_name(prefix: str) -> str:
    """Return *prefix* with five random characters, cut to 63 in all. Source: Kubernetes."""
    # The module `secrets` would cost every `submit` some milliseconds of imports.
    number = int.from_bytes(os.urandom(16), "big")
    suffix = ""
    for _ in range(_SUFFIX_LENGTH):
        number, letter = divmod(number, len(_SUFFIX_LETTERS))
        suffix += _SUFFIX_LETTERS[letter]
    return prefix[: _MAX_NAME - _SUFFIX_LENGTH] + suffix


def check_label(text: str, path: str) -> None:
    """Raise `FieldError` at *path* unless *text* is a DNS-1123 label."""
    if len(text) > _MAX_NAME or not _LABEL.fullmatch(text):
        raise FieldError(
            path,
            f"{_shorten(text)} is not a valid name",
            hint="up to 63 lower case letters, digits and '-', starting and ending with one of "
            "the first two",
        )


def check_subdomain(text: str, path: str) -> None:
    """Raise `FieldError` at *path* unless *text* can name a workflow (and be a label's value)."""
    if len(text) > _MAX_NAME or not _SUBDOMAIN.fullmatch(text):
        raise FieldError(
            path,
            f"{_shorten(text)} is not a valid name",
            hint="up to 63 lower case letters, digits, '-' and '.', starting and ending with one "
            "of the first two",
        )


def check_pod_name(text: str, path: str) -> None:
    """Raise `FieldError` at *path* unless *text* can name a pod. Source: DNS-1123 subdomain."""
    if len(text) > _MAX_POD_NAME or not _SUBDOMAIN.fullmatch(text):
        raise FieldError(
            path,
            f"{_shorten(text)} is not a valid name",
            hint=f"up to {_MAX_POD_NAME} lower case letters, digits, '-' and '.', starting and "
            "ending with one of the first two",
        )


def _shorten(text: str) -> str:
    return repr(text if len(text) <= _MAX_NAME else text[:_MAX_NAME] + "…")
