"""A daemon as a process of its own, to be killed: `python -m tests.daemon.program ADDRESS LINES`.

Its one pod has a log of so many lines; they trickle, so that a reader can be caught in the middle.
"""

from __future__ import annotations

import asyncio
import sys

from argoexec_cli.daemon.server import serving
from argoexec_cli.daemon.signals import caught
from tests.daemon.memory import MemoryExecutor, request


async def serve(address: str, lines: int) -> None:
    """Serve until a signal comes."""
    executor = MemoryExecutor()
    await executor.run_pod(request())
    async with serving(executor, addresses=(address,), drain_s=1):
        with caught() as wish:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            for number in range(lines):
                executor.write(f"line {number}\n".encode())
                await asyncio.sleep(0.001)
            executor.end_log()
            await wish.stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
