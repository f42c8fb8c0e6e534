"""The format of the Container Runtime Interface's log files: `time stream tag text`, line by line.

The time is RFC 3339 in the runtime's time zone, with as many decimals as it needs. The tag is F for
a line that is whole, or the end of one, and P for a piece of a line; further tags may follow it
after colons. (Kubernetes design proposal "CRI logging".)
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Final

from argoexec_cli.models.logs import STDERR, STDOUT, LogRun

_SECOND: Final = 1_000_000_000
_STREAMS: Final = {b"out": STDOUT, b"err": STDERR}
_LINE: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) std(out|err) ([PF])[^ ]* "
)


def parse_lines(buffer: bytes) -> list[LogRun]:
    """Return what the lines of *buffer*, which ends with a newline, say.

    All at once if every line is whole and has the first one's time zone, else line by line. A line
    that is none (the runtime or the machine died while it wrote) is taken as text of its time.
    """
    first = _LINE.match(buffer)
    if first is not None:
        rows = _pattern(first[3]).findall(buffer)
        # The pattern matches whole lines only, so that it matched them all is a matter of counting.
        if len(rows) == buffer.count(b"\n"):
            seconds, streams, new = _Seconds(first[3]), _STREAMS, tuple.__new__
            return [
                new(
                    LogRun,
                    (
                        seconds[second]
                        + int(digits if len(digits) == 9 else digits.ljust(9, b"0")),
                        streams[stream],
                        text,
                    ),
                )
                for second, digits, stream, text in rows
            ]
    return _parse_slowly(buffer)


@cache
def _pattern(zone: bytes) -> re.Pattern[bytes]:
    """Make the pattern of a whole line in *zone*; four groups, as each costs."""
    return re.compile(rb"^(.{19})\.(\d+)%b std(...) F ([^\n]*\n)" % re.escape(zone), re.MULTILINE)


class _Seconds(dict[bytes, int]):
    """Times without decimals, by their text: the same for thousands of lines."""

    def __init__(self, zone: bytes) -> None:
        self._zone = zone.decode()

    def __missing__(self, text: bytes) -> int:
        time = datetime.fromisoformat(text.decode() + self._zone)
        self[text] = time_ns = int(time.timestamp()) * _SECOND
        return time_ns


def _parse_slowly(buffer: bytes) -> list[LogRun]:
    runs: list[LogRun] = []
    last = LogRun(0, STDOUT, b"")
    for line in buffer.split(b"\n")[:-1]:
        head = _LINE.match(line)
        if head is None:
            runs.append(last._replace(data=line + b"\n"))
            continue
        second, digits, zone, stream, tag = head.groups()
        time_ns = _Seconds(zone)[second] + int((digits or b"").ljust(9, b"0"))
        text = line[head.end() :]
        last = LogRun(time_ns, _STREAMS[stream], text + b"\n" if tag == b"F" else text)
        runs.append(last)
    return runs
