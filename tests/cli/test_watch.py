"""`argoexec watch` on a terminal: one table, redrawn in place."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from argoexec_cli.cli.live import Live, cut
from tests.cli.conftest import POD, Cli


def on_a_terminal(
    cli: Cli, *arguments: str, on_drawn: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Run a command whose stdout is a terminal; return its exit code and what it drew.

    *on_drawn* is called as soon as it has drawn something.
    """
    ours, theirs = pty.openpty()
    child = cli.start(*arguments, stdout=theirs)
    os.close(theirs)
    drawn = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.5)[0]:
            first = not drawn
            try:
                drawn += os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if first:
                on_drawn()
    os.close(ours)
    return child.wait(timeout=60), drawn.decode()


def test_a_table_is_redrawn_until_the_end(cli: Cli) -> None:
    cli.pod("on-screen", "sleep 600")

    def stop() -> None:
        cli("stop", "on-screen", "--grace", "0")

    code, drawn = on_a_terminal(cli, "watch", "on-screen", on_drawn=stop)
    assert code == 8
    assert "\x1b[J" in drawn
    assert re.search(r"\x1b\[\d+A", drawn)
    last = drawn.rsplit("\x1b[J", 1)[1]
    assert "\x1b[33mStopped" in last
    assert "CONTAINER" in last


@pytest.mark.parametrize("words", [["watch"], ["events", "-w"]])
def test_ctrl_c_leaves_a_clean_prompt(words: list[str], cli: Cli) -> None:
    cli.pod("watched-for-ever", "echo shown", "--wait")
    child = cli.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, b"\n")


def test_no_color_draws_without_colour(cli: Cli) -> None:
    cli.pod("grey", "exit 3", "--wait")
    _, drawn = on_a_terminal(cli, "watch", "grey", "--no-color")
    assert "Failed" in drawn
    assert "\x1b[31m" not in drawn


def test_a_block_is_cut_to_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "4")
    out = io.StringIO()
    live = Live(out)
    live.draw("\n".join(str(number) for number in range(10)))
    assert out.getvalue().count("\n") == 3
    assert "0\n1\n… 8 more lines\n" in out.getvalue()
    live.draw("only\n")
    assert "\x1b[3A" in out.getvalue()


@pytest.mark.parametrize(
    ("line", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語x", 6, "日本…"),
        ("\x1b[31mFailed\x1b[0m  x", 5, "\x1b[31mFail\x1b[0m…"),
        ("e\u0301e", 2, "e\u0301e"),
    ],
)
def test_a_line_is_cut_to_the_window(line: str, columns: int, shown: str) -> None:
    assert cut(line, columns) == shown


def test_what_is_drawn_fits_a_narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    out = io.StringIO()
    Live(out).draw("KIND   NAME   STATUS\n")
    assert "KIND   NA…\n" in out.getvalue()


@pytest.mark.parametrize("words", [["watch"], ["events", "--watch"]])
def test_a_reader_that_has_enough_of_changes_ends_it_in_silence(words: list[str], cli: Cli) -> None:
    cli.pod("unread", "true", "--wait")
    child = cli.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    for number in range(20):  # until it writes once more, wherever it was
        cli.pod(f"unread-{number}", "true", "--wait")
        if child.poll() is not None:
            break
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (141, b"")


def test_on_a_terminal_the_end_stands_on_a_line_of_its_own(cli: Cli) -> None:
    path = cli.home / "unended.yaml"
    path.write_text(POD.format(name="unended", script="printf half; exit 3"))
    ours, theirs = pty.openpty()
    child = cli.start("submit", str(path), "--log", stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 65_536):
            drawn += piece
    os.close(ours)
    assert child.wait(timeout=60) == 1
    assert b"half\r\npod/unended Failed" in drawn
