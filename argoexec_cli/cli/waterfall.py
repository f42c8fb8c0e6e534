"""`--timings`: every step as a bar on one scale, and how much of the time was ours."""

from __future__ import annotations

from typing import Final

from argoexec_cli.cli.table import render_table
from argoexec_cli.compute.fleet.timings import Span, Timings

_WIDTH: Final = 40
_LEAST_S: Final = 0.05
_HEADER: Final = ["HOST", "TOOL", "STEP", "START", "TOOK", ""]


def render_waterfall(timings: Timings, total_s: float) -> str:
    """Return the table; steps without a length worth a bar are left out."""
    spans = sorted(timings.spans, key=lambda span: (span.begin_s, span.end_s))
    rows = [_row(span, total_s) for span in spans if span.end_s - span.begin_s >= _LEAST_S]
    ours = timings.ours_s(total_s)
    last = f"total {total_s:.1f} s, of which argoexec itself {ours:.1f} s\n"
    return render_table(rows, header=_HEADER) + last


def _row(span: Span, total_s: float) -> list[str]:
    scale = _WIDTH / max(total_s, _LEAST_S)
    left = int(span.begin_s * scale)
    bar = " " * left + "▇" * max(1, round((span.end_s - span.begin_s) * scale))
    took = f"{span.end_s - span.begin_s:.1f}"
    subject = span.subject or "-"
    return [subject, span.source, span.action, f"{span.begin_s:.1f}", took, bar]
