"""What a log line looks like, and that no secret is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from argoexec_cli.logging import redact, setup_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ('{"authorization": "Basic Zm9v"}', '{"authorization": "Basic ***"}'),
        ("password=hunter2 user=x", "password=*** user=x"),
        ("PGPASSWORD=hunter2", "PGPASSWORD=***"),
        ('"token": "abc", "a": 1', '"token": "***", "a": 1'),
        ("AWS_SECRET_ACCESS_KEY=abc/def", "AWS_SECRET_ACCESS_KEY=***"),
        ("https://user:hunter2@host/p", "https://user:***@host/p"),
        ("https://h/p?X-Amz-Signature=abc&x=1", "https://h/p?X-Amz-Signature=***&x=1"),
        ("https://h/p?access_token=abc&x=1", "https://h/p?access_token=***&x=1"),
        ("sent bearer eyJhbGciOiJIUzI1NiJ9", "sent bearer ***"),
        ("a pod at 10.0.0.1:80 is ready", "a pod at 10.0.0.1:80 is ready"),
        ("unix:///run/argoexec.sock", "unix:///run/argoexec.sock"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_text_has_time_level_logger_message_and_fields() -> None:
    out = io.StringIO()
    setup_logging("info", "text", out)
    logging.getLogger("argoexec_cli.daemon").info("ready on %s", "x", extra={"pods": 3})
    logging.getLogger("argoexec_cli.daemon").debug("not shown")
    time, rest = out.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == "INFO    daemon: ready on x pods=3\n"


def test_json_is_one_object_a_line_also_with_a_traceback() -> None:
    out = io.StringIO()
    setup_logging("debug", "json", out)
    try:
        raise ValueError("token=abc")
    except ValueError:
        logging.getLogger("a.b").exception("broken\npassword=x", extra={"token": "abc", "n": 1})
    (line,) = out.getvalue().splitlines()
    event = json.loads(line)
    assert event["level"] == "error"
    assert event["logger"] == "a.b"
    assert event["message"] == "broken\npassword=***"
    assert event["token"] == "***"
    assert event["n"] == 1
    assert "ValueError: token=***" in event["error"]


def test_a_planted_secret_is_in_neither_format() -> None:
    for style in ("text", "json"):
        out = io.StringIO()
        setup_logging("debug", style, out)
        logging.getLogger("x").info("login with password: s3cr3t", extra={"api_key": "s3cr3t"})
        assert "s3cr3t" not in out.getvalue()


def test_setting_up_again_replaces_the_handler() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup_logging(stream=first)
    setup_logging(stream=second)
    logging.getLogger("x").info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1
