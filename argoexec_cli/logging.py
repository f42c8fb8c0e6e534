"""How the program logs: to stderr, as lines for people or as JSON, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

_KEEP: Final = r"\g<keep>***"
_SECRETS: Final = (
    # Authorization: Bearer abc, "authorization": "Basic abc"
    (
        ("authorization",),
        re.compile(
            r"(?P<keep>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|digest|token)\s+)?)"
            r"[^\s\"',;}]+",
            re.IGNORECASE,
        ),
    ),
    # password=abc, "token": "abc", aws_secret_access_key: abc, ?X-Amz-Signature=abc
    (
        ("pass", "secret", "token", "signature", "credential", "key"),
        re.compile(
            r"(?P<keep>\b[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|signature|credential"
            r"|api[_-]?key|access[_-]?key|private[_-]?key)[\w.-]*[\"']?\s*[:=]\s*[\"']?)"
            r"[^\s\"',;&}]+",
            re.IGNORECASE,
        ),
    ),
    # https://user:abc@host
    (
        ("@",),
        re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE),
    ),
    # A token that gives itself away wherever it stands.
    (("bearer",), re.compile(r"(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)),
)
"""Words without which there is no such secret in a text, and what to look for where there is one.

Most lines have none, so that a daemon need not compile the patterns to start.
"""

_TALKATIVE: Final = ("httpx2",)
"""Libraries that tell of every request as if it were news."""

_PLAIN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def setup_logging(
    level: Level = "info", style: Format = "text", stream: TextIO | None = None
) -> None:
    """Send all logs of this process to *stream* (default: stderr). A later call replaces it."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel("DEBUG" if level == "debug" else "WARNING")


def redact(text: str) -> str:
    """Replace what looks like a secret by `***`; what it belongs to stays readable.

    This is a net below careful code, not its replacement: a secret without a telling name passes.
    """
    words = text.casefold()
    for telling, pattern in _SECRETS:
        if any(word in words for word in telling):
            text = pattern.sub(_KEEP, text)
    return text


class TextFormatter(logging.Formatter):
    """One line per event, `time LEVEL logger: message key=value`; a traceback follows indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; fields given as `extra` follow the message."""
        extra = "".join(f" {key}={value}" for key, value in _extra(record).items())
        name = record.name.removeprefix("argoexec_cli.")
        line = f"{_time(record)} {record.levelname:<7} {name}: {record.getMessage()}{extra}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line.replace("\n", "\n    "))


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, `error`, and the `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; a value that JSON does not know appears as text."""
        event: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for key, value in _extra(record).items():
            event[key] = _redact_field(key, value)
        if record.exc_info:
            event["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(event, default=lambda value: redact(str(value)), ensure_ascii=False)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _PLAIN_FIELDS}


def _redact_field(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    marked = redact(f"{key}={value}")
    return marked.removeprefix(f"{key}=") if marked.startswith(f"{key}=") else redact(value)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
