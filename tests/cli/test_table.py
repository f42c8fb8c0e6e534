"""Tables."""

from __future__ import annotations

from argoexec_cli.cli.table import paint, render_table


def test_columns_are_aligned_and_lines_have_no_tail() -> None:
    text = render_table([["a", "long", ""], ["bbb", "c", "x"]], header=["A", "B", "C"])
    assert text == "A     B      C\na     long\nbbb   c      x\n"


def test_nothing_is_nothing() -> None:
    assert render_table([]) == ""


def test_a_phase_has_its_colour_without_moving_the_columns() -> None:
    text = render_table([["Failed", "x"], ["Running", "y"]], color=True)
    assert text == "\x1b[31mFailed \x1b[0m   x\n\x1b[36mRunning\x1b[0m   y\n"
    assert paint("x", "Failed", False) == "x"


def test_a_message_cannot_move_the_cursor() -> None:
    assert render_table([["a\x1b[2Jb\nc\r"]]) == "a\\x1b[2Jb c\\r\n"
