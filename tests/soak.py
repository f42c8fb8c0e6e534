"""The long soak: `python -m tests.soak [--pods N] [--kills N] [--seed N]`; writes JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.engines.docker import DockerEngine
from tests.executors.soaking import Result, Soak


def main() -> int:
    """Run it and print what happened; a traceback tells which pod was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--json", type=Path, default=Path("build/soak.json"))
    options = parser.parse_args()
    sys.stdout.write(f"soak: {options.pods} pods, {options.kills} kills, seed {options.seed}\n")
    sys.stdout.flush()
    result = asyncio.run(_soak(options.pods, options.kills, options.seed))
    sys.stdout.write(
        f"soak: all {options.pods} ended once with their whole logs, "
        f"{result.kills} kills, {result.seconds:.0f} s\n"
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"pods": options.pods, **result._asdict()}))
    return 0


async def _soak(pods: int, kills: int, seed: int) -> Result:
    with (
        tempfile.TemporaryDirectory(prefix="ax-", dir="/tmp") as directory,
        DockerEngine() as engine,
    ):
        return await Soak(engine, Path(directory), pods=pods, seed=seed).run(kills)


if __name__ == "__main__":
    raise SystemExit(main())
