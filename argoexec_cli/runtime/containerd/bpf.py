"""Seccomp rules as the kernel takes them, compiled once and not for every container.

crun compiles a container's rules anew each time, which is most of the work of starting one. It
takes them compiled as well (crun(1), `run.oci.seccomp_bpf_data`), and then ignores the rules in the
specification. These stay there all the same: what does not know the annotation goes by them.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import logging
import os
from functools import cache
from typing import Any, Final

import msgspec

_log = logging.getLogger(__name__)
_ANNOTATION: Final = "run.oci.seccomp_bpf_data"
_LIBRARY: Final = "libseccomp.so.2"
"""crun's own: both come to the same filter."""
_LARGEST: Final = 1 << 20
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_NO_NEW_PRIVILEGES: Final = 3
_NO_SUCH_CALL: Final = -1
_COMPARISONS: Final = {"SCMP_CMP_NE": 1, "SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}


class _Argument(ctypes.Structure):
    _fields_ = (
        ("index", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def annotate(rules: dict[str, Any] | None) -> dict[str, str]:
    """Return what tells crun the compiled *rules*; nothing where they cannot be compiled."""
    text = _encoded(msgspec.json.encode(rules)) if rules else ""
    return {_ANNOTATION: text} if text else {}


@cache
def _encoded(rules: bytes) -> str:
    try:
        return base64.b64encode(compiled(msgspec.json.decode(rules))).decode()
    except OSError as exc:
        _log.debug("seccomp rules are left to crun: %s", exc)
        return ""


def compiled(rules: dict[str, Any]) -> bytes:
    """Return the filter of rules in the OCI specification's form. `OSError`: no (fit) library."""
    library = ctypes.CDLL(_LIBRARY, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    begun = library.seccomp_init(ctypes.c_uint32(_ERRNO | rules["defaultErrnoRet"]))
    if not begun:
        raise OSError(errno.EINVAL, "seccomp_init")
    context = ctypes.c_void_p(begun)
    try:
        _fill(library, context, rules)
        return _export(library, context)
    finally:
        library.seccomp_release(context)


def _fill(library: ctypes.CDLL, context: ctypes.c_void_p, rules: dict[str, Any]) -> None:
    _check(library.seccomp_attr_set(context, _NO_NEW_PRIVILEGES, 0))
    for name in rules["architectures"]:
        word = name.removeprefix("SCMP_ARCH_").lower().encode()
        token = ctypes.c_uint32(library.seccomp_arch_resolve_name(word))
        _check(library.seccomp_arch_add(context, token), known=-errno.EEXIST)
    for rule in rules["syscalls"]:
        allowed = rule["action"] == "SCMP_ACT_ALLOW"
        action = ctypes.c_uint32(_ALLOW if allowed else _ERRNO | rule["errnoRet"])
        arguments = [
            _Argument(one["index"], _COMPARISONS[one["op"]], one["value"], 0)
            for one in rule.get("args", ())
        ]
        array = (_Argument * len(arguments))(*arguments)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number != _NO_SUCH_CALL:
                _check(
                    library.seccomp_rule_add_array(context, action, number, len(arguments), array)
                )


def _export(library: ctypes.CDLL, context: ctypes.c_void_p) -> bytes:
    file = os.memfd_create("seccomp")
    try:
        _check(library.seccomp_export_bpf(context, file))
        return os.pread(file, _LARGEST, 0)
    finally:
        os.close(file)


def _check(code: int, *, known: int = 0) -> None:
    if code not in (0, known):
        raise OSError(-code, os.strerror(-code))
