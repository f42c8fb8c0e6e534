"""Containers by the hundred that all end at one moment: `python -m tests.crowd [RUNTIME …]`.

Writes JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from tests.bench.bed import open_bed, open_containerd_bed
from tests.executors.crowding import Crowd, Result

_BEDS: Final = {"docker": open_bed, "containerd": open_containerd_bed}


def main() -> int:
    """Run it on one runtime after the other; a traceback tells which pod was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument(
        "runtimes", nargs="*", metavar="RUNTIME", help=f"any of: {', '.join(_BEDS)}; default: all"
    )
    parser.add_argument("--pods", type=int, default=500)
    parser.add_argument(
        "--allowance", type=float, default=600.0, help="seconds from now to the end of all pods"
    )
    parser.add_argument("--json", type=Path, default=Path("build/crowd.json"))
    options = parser.parse_args()
    results: list[Result] = []
    for runtime in options.runtimes or _BEDS:
        with _BEDS[runtime](max_pods=options.pods) as bed:
            crowd = Crowd(bed, pods=options.pods, allowance_s=options.allowance)
            results.append(asyncio.run(crowd.run()))
        _tell(results[-1])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([one._asdict() for one in results], indent=2))
    return 0


def _tell(result: Result) -> None:
    sys.stdout.write(
        f"crowd: {result.pods} pods on {result.runtime} ended once with their whole logs: all ran"
        f" after {result.start_s} s, the last end came {result.ended_s} s after the moment and was"
        f" told after {result.told_s} s; deleted in {result.deleted_s} s; the longest list took"
        f" {result.list_s} s; the daemon took {result.idle_bytes >> 20} MiB idle,"
        f" {result.live_bytes >> 20} MiB with all alive, {result.peak_bytes >> 20} MiB at most\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
