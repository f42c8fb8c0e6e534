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


def test_on_a_screen_a_message_is_cut_and_nothing_else() -> None:
    long, message = "n" * 30, "the image cannot be pulled"
    text = render_table([["pod", message], ["run", ""]], header=["KIND", "MESSAGE"], screen=30)
    assert text.splitlines() == ["KIND   MESSAGE", "pod    the image cannot be pu…", "run"]
    assert render_table([[long, message]], screen=30) == f"{long}   the image cannot be…\n"
    assert render_table([["pod", message]], screen=32) == f"pod   {message}\n"
