"""Logs: how fast a large one is read, and how soon a line arrives."""

from __future__ import annotations

import subprocess
import time

from tests.bench.bed import IMAGE, Bed, open_bed, pod
from tests.bench.rows import Row, median, percentile

MIB = 200
_LINES = MIB * (1 << 20) // 100
_TRIES = 3
_STAMPS = 300
PRINT = f"yes {'x' * 99} | head -n {_LINES}"


def bulk() -> list[Row]:
    """200 MiB of 100-byte lines of one container, read by `argoexec logs` and by `docker logs`."""
    with open_bed() as bed:
        manifest = bed.manifest([pod("bulk", "sh", "-c", f"{PRINT}; echo end; exec sleep 3600")])
        bed.run([*bed.argoexec, "submit", str(manifest)])
        started = time.monotonic()
        await_line(bed, "bulk", b"end")
        stored_s = time.monotonic() - started
        container = bed.run(
            [*bed.docker, "ps", "-q", "--filter", "label=io.argoexec.container=main"]
        )
        ours, theirs = [], []
        for _ in range(_TRIES):
            ours.append(MIB / bed.timed([*bed.argoexec, "logs", "bulk"]))
            theirs.append(MIB / bed.timed([*bed.docker, "logs", container.decode().strip()]))
        bed.run([*bed.argoexec, "delete", "bulk", "--yes"])
        whole = bed.manifest([pod("whole", "sh", "-c", PRINT)])
        followed = MIB / bed.timed([*bed.argoexec, "submit", str(whole), "--log"])
        attached = MIB / bed.timed([*bed.docker, "run", "--rm", IMAGE, "sh", "-c", PRINT])
    return [
        Row(
            f"{MIB} MiB of log lines, `argoexec logs` beside `docker logs` of the same container",
            "MiB/s",
            median(ours),
            median(theirs),
            limit=1.0,
            at_most=False,
            note=f"stored {stored_s:.1f} s after the start of the task",
        ),
        Row(
            f"{MIB} MiB from start to end, `submit --log` beside `docker run --rm`",
            "MiB/s",
            followed,
            attached,
        ),
    ]


def line_latency() -> list[Row]:
    """Line printed in the container → line on the client of `logs -f`."""
    # The container's only fine clock without a program of its own; it counts hundredths, rounded
    # down, so delays come out up to 10 ms too long.
    script = (
        f"for i in $(seq {_STAMPS}); do read up idle < /proc/uptime; echo $up; usleep 20000; done"
    )
    with open_bed() as bed:
        bed.run([*bed.argoexec, "submit", str(bed.manifest([pod("stamps", "sh", "-c", script)]))])
        delays = _delays_ms(bed, "stamps")
    return [
        Row(
            "line printed in the container → line on the client of `logs -f`, p99",
            "ms",
            percentile(delays, 0.99),
            limit=100,
            note=f"p50 {percentile(delays, 0.5):.1f} ms, {len(delays)} lines 20 ms apart",
        )
    ]


def _delays_ms(bed: Bed, name: str) -> list[float]:
    with subprocess.Popen(
        [*bed.argoexec, "logs", "-f", name], env=bed.env, stdout=subprocess.PIPE
    ) as client:
        assert client.stdout is not None
        delays = [1000 * (_uptime_s() - float(line)) for line in client.stdout]
    # The first lines were printed before the client was there.
    return delays[_STAMPS // 3 :]


def _uptime_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def await_line(bed: Bed, name: str, wanted: bytes) -> None:
    """Return once the last line of a pod's log is *wanted*."""
    deadline = time.monotonic() + 300
    while bed.run([*bed.argoexec, "logs", name, "--tail", "1"]).strip() != wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} did not print {wanted!r} in time")
        time.sleep(0.2)
