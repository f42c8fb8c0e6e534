"""Run the benchmarks: `python -m tests.bench [MEASURE …] [--json FILE]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.bench import delegation, logs, runtimes, startup, tasks
from tests.bench.rows import Row, render, write_json

MEASURES = {
    "latency": tasks.latency,
    "rate": tasks.rate,
    "logs": logs.bulk,
    "line": logs.line_latency,
    "runtimes": runtimes.rates,
    "groups": runtimes.groups,
    "containerd-logs": runtimes.bulk,
    "commands": startup.commands,
    "memory": startup.memory,
    "agent": delegation.agent,
    "plugin": delegation.plugin,
}


def main() -> int:
    """Print each row as it is measured; exit with 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "measures",
        nargs="*",
        metavar="MEASURE",
        help=f"any of: {', '.join(MEASURES)}; default: all",
    )
    parser.add_argument(
        "--json", type=Path, default=Path("build/bench.json"), help="where to write the figures"
    )
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.measures or MEASURES:
        for row in MEASURES[name]():
            rows.append(row)
            print(render(row), flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(rows, options.json)
    print(f"written: {options.json}")
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
