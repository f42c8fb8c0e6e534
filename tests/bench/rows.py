"""A measured row, how it is judged, and how rows are printed."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` is ours / theirs where there is a `theirs`; `limit` is on the ratio then,
    else on `ours`.

    `at_most` says on which side of the limit is good. Without a limit the row only informs.
    """

    name: str
    unit: str
    ours: float
    theirs: float | None = None
    limit: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours / theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        if self.limit is None:
            return None
        value = self.ratio if self.ratio is not None else self.ours
        return value <= self.limit if self.at_most else value >= self.limit


def render(row: Row) -> str:
    """Return one line for people."""
    theirs = (
        "" if row.theirs is None else f"  beside {row.theirs:.4g} {row.unit} = {row.ratio:.2f} x"
    )
    sign = "<=" if row.at_most else ">="
    unit = " x" if row.theirs is not None else f" {row.unit}"
    target = (
        ""
        if row.limit is None
        else f"  (target {sign} {row.limit:g}{unit}: {'met' if row.met else 'MISSED'})"
    )
    note = f"  [{row.note}]" if row.note else ""
    return f"{row.name}: {row.ours:.4g} {row.unit}{theirs}{target}{note}"


def write_json(rows: list[Row], path: Path) -> None:
    """Write all rows, with ratio and verdict."""
    data = [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in rows]
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which *share* (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
