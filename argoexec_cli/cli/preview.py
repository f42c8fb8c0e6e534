"""What `provision` would do, in words and dollars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from argoexec_cli.compute.fleet.compute import Preview
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.models.base import encode

_SIGNS: Final = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
_MOST: Final = 30
_HOURS_A_MONTH: Final = 730


def render_preview(fleet: Fleet, preview: Preview, outdated: Sequence[str] = ()) -> str:
    """Return the lines that are shown before the question."""
    lines = [f"  {_SIGNS[each.action]} {each.address}" for each in preview.changes[:_MOST]]
    if len(preview.changes) > _MOST:
        lines.append(f"  … and {len(preview.changes) - _MOST} more")
    lines += [f"  ! {name} was stopped: start it" for name in preview.repairs]
    lines += [f"  ~ {host.name}: finish it" for host in fleet.hosts if not host.proved]
    lines += [f"  ~ {name}: configure it anew" for name in outdated]
    if not lines:
        lines = [f"  = {fleet.name} exists as it should"]
    if preview.hourly_low is not None and preview.hourly_high is not None:
        low, high = preview.hourly_low, preview.hourly_high
        hour = _span(f"${low:.3f}", f"${high:.3f}")
        month = _span(f"${low * _HOURS_A_MONTH:.0f}", f"${high * _HOURS_A_MONTH:.0f}")
        lines.append(f"  price: {hour} an hour, {month} a month ({preview.price_note})")
    elif preview.price_note:
        lines.append(f"  price: {preview.price_note}")
    return "".join(f"{line}\n" for line in lines)


def preview_data(fleet: Fleet, preview: Preview, outdated: Sequence[str]) -> dict[str, Any]:
    """Return the same for programs, which see in it whether there is anything to do."""
    unfinished = [host.name for host in fleet.hosts if not host.proved]
    return {**encode(preview), "unfinished": unfinished, "outdated": list(outdated)}


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
