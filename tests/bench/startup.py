"""What every command and an idle daemon cost."""

from __future__ import annotations

from tests.bench.bed import Bed, open_bed, pod
from tests.bench.rows import Row, median

_TRIES = 15
_LISTED = 1000
_LIVE = 100


def commands() -> list[Row]:
    """`--help`, and `list` with a thousand pods."""
    with open_bed(max_pods=1) as bed:
        blocker = pod("blocker", "sleep", "3600")
        queued = [pod(f"queued-{number}", "true") for number in range(_LISTED - 1)]
        bed.run([*bed.argoexec, "submit", str(bed.manifest([blocker, *queued]))])
        help_ms = _median_ms(bed, "--help")
        list_ms = _median_ms(bed, "list")
        ready_s = [_restart(bed) for _ in range(5)]
    return [
        Row("`argoexec --help`", "ms", help_ms, limit=150),
        Row(f"`argoexec list` with {_LISTED} pods", "ms", list_ms, limit=300),
        Row(f"daemon ready, with {_LISTED} pods to recover", "s", median(ready_s), limit=1.0),
    ]


def memory() -> list[Row]:
    """The daemon's resident memory: idle, and what each live pod adds."""
    with open_bed() as bed:
        idle = bed.rss_bytes()
        live = [pod(f"live-{number}", "sleep", "3600") for number in range(_LIVE)]
        bed.run([*bed.argoexec, "submit", str(bed.manifest(live))])
        bed.run([*bed.argoexec, "wait", "--for", "running", "--timeout", "300s", *_names(live)])
        each = (bed.rss_bytes() - idle) / _LIVE
    return [
        Row("daemon's resident memory, idle", "MiB", idle / (1 << 20), limit=80),
        Row(
            "daemon's resident memory for each live pod",
            "KiB",
            each / 1024,
            limit=200,
            note=f"{_LIVE} pods",
        ),
    ]


def _names(pods: list[dict[str, object]]) -> list[str]:
    return [str(one["metadata"]["name"]) for one in pods]  # type: ignore[index]


def _median_ms(bed: Bed, *words: str) -> float:
    return 1000 * median([bed.timed([*bed.argoexec, *words]) for _ in range(_TRIES)])


def _restart(bed: Bed) -> float:
    bed.stop()
    return bed.start()
