r"""The small language that the fake runtime understands, a subset of what `sh -c` takes.

Statements are separated by `;`, `&&` or a new line:

    echo WORDS…            a line on stdout; `>&2` at the end: on stderr; `-n`: no newline
    printf TEXT            TEXT with \n, \r, \0 and \xHH replaced, nothing added
                           (both: `> FILE` at the end writes to a file in a mounted volume)
    sleep SECONDS          virtual work: nothing happens meanwhile
    exit CODE              end now
    true, false            do nothing; `false` makes the script end with 1 if it is last
    trap '' TERM           ignore TERM from here on
    kill -N $$             die of signal N
    hog                    need more memory than the limit: OOMKilled, 137
    seq FIRST LAST         a line for every number
    fill COUNT WIDTH       COUNT numbered lines of WIDTH characters
    fail TEXT              fail to start with TEXT (a command that is not found)

A command that is not `sh -c` is one statement. An unknown statement is a command that was not
found.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from argoexec_cli.errors import StartError

KNOWN: Final = frozenset(
    [
        "echo",
        "printf",
        "sleep",
        "exit",
        "true",
        "false",
        "trap",
        "kill",
        "hog",
        "seq",
        "fill",
        "fail",
        ":",
    ]
)
_FORMS: Final = {
    "sleep": re.compile(r"\d+(\.\d*)?"),
    "exit": re.compile(r"\d{0,9}"),
    "kill": re.compile(r"-\d{1,2} .*"),
    "seq": re.compile(r"\d+ \d+"),
    "fill": re.compile(r"\d+ \d+"),
    "printf": re.compile(r".+", re.DOTALL),
}
"""What the words of a statement have to look like."""
_SHELLS: Final = frozenset({"sh", "/bin/sh", "bash", "/bin/bash"})
_ESCAPE: Final = re.compile(r"\\(n|r|t|0|x[0-9a-fA-F]{2}|\\)")
_QUOTING: Final = re.compile(r"[\"'\\#]")
_WORD: Final = re.compile(r"[^ \t\r\n]+")
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\"}


class Statement(NamedTuple):
    """One statement: its verb and its words."""

    verb: str
    words: tuple[str, ...]


_SYNTAX_ERROR: Final = Statement("exit", ("2",))


def parse_script(words: Sequence[str]) -> tuple[Statement, ...]:
    """Parse a container's command line. `StartError` when its first word is no known command.

    What a shell would refuse (a quote that is not closed, a wrong number) is a statement that ends
    with 2.
    """
    if not words:
        return ()
    if words[0] in _SHELLS and len(words) > 2 and words[1].endswith("c"):
        return tuple(_parse_statement(part) for part in _split(words[2]) if part)
    verb = words[0].rpartition("/")[2]
    if verb not in KNOWN:
        raise StartError(f"exec: {words[0]!r}: executable file not found in $PATH")
    if verb == "fail":
        raise StartError(" ".join(words[1:]))
    return (_checked(Statement(verb, tuple(words[1:]))),)


def unescape(text: str) -> bytes:
    r"""Replace the escapes of `printf`; `\xHH` gives that byte."""

    def value(match: re.Match[str]) -> str:
        code = match[1]
        return chr(0xDC00 + int(code[1:], 16)) if code[0] == "x" else _PLAIN[code]

    pieces = _ESCAPE.sub(value, text)
    return b"".join(
        bytes([ord(char) - 0xDC00]) if 0xDC00 <= ord(char) < 0xDD00 else char.encode()
        for char in pieces
    )


def _split(text: str) -> list[str]:
    """Split at separators that are not inside quotes."""
    parts, quote, start = [], "", 0
    for match in re.finditer(r"['\"]|\n|;|&&", text):
        mark = match[0]
        if mark in "'\"" and mark:
            quote = "" if quote == mark else quote or mark
        elif not quote:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return parts


def _parse_statement(text: str) -> Statement:
    try:
        # What nothing quotes needs no lexer, whose time grows with the square of a word's length.
        words = shlex.split(text, comments=True) if _QUOTING.search(text) else _WORD.findall(text)
        words = words or [":"]
    except ValueError:
        return _SYNTAX_ERROR
    if words[0] not in KNOWN:
        return Statement("not-found", (words[0],))
    return _checked(Statement(words[0], tuple(words[1:])))


def _checked(statement: Statement) -> Statement:
    form = _FORMS.get(statement.verb)
    return statement if form is None or form.fullmatch(" ".join(statement.words)) else _SYNTAX_ERROR
