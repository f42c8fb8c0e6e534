"""Trivial tasks: how long one takes, and how many a second, beside `docker run --rm`."""

from __future__ import annotations

import subprocess
import time

from tests.bench.bed import IMAGE, Bed, open_bed, pod
from tests.bench.rows import Row, median

_PAIRS = 41
_PODS = 200


def latency() -> list[Row]:
    """One task from the command line: submit to exit code and log in hand."""
    ours, theirs = [], []
    with open_bed() as bed:
        _warm_up(bed)
        for number in range(_PAIRS):
            manifest = bed.manifest([pod(f"one-{number}", "echo", "hi")])
            ours.append(bed.timed([*bed.argoexec, "submit", str(manifest), "--log"]))
            theirs.append(bed.timed([*bed.docker, "run", "--rm", IMAGE, "echo", "hi"]))
    return [
        Row(
            "one trivial task, `argoexec submit --log` beside `docker run --rm`",
            "s",
            median(ours),
            median(theirs),
            limit=1.0,
            note=f"medians of {_PAIRS} pairs",
        )
    ]


def rate() -> list[Row]:
    """Many tasks, eight at a time on both sides."""
    with open_bed(max_pods=8) as bed:
        _warm_up(bed)
        theirs = _docker_rate(bed, "before")
        manifest = bed.manifest([pod(f"many-{number}", "echo", "hi") for number in range(_PODS)])
        started = time.monotonic()
        bed.run([*bed.argoexec, "submit", str(manifest), "--wait"])
        ours = _PODS / (time.monotonic() - started)
        theirs = (theirs + _docker_rate(bed, "after")) / 2
    return [
        Row(
            f"{_PODS} trivial pods, 8 at a time, beside `docker run --rm` under `xargs -P 8`",
            "pods/s",
            ours,
            theirs,
            limit=1.0,
            at_most=False,
            note="docker measured before and after, mean of both",
        )
    ]


def _docker_rate(bed: Bed, label: str) -> float:
    argv = [
        "xargs",
        "-P",
        "8",
        "-I",
        "{}",
        *bed.docker,
        "run",
        "--rm",
        IMAGE,
        "echo",
        f"{label}-{{}}",
    ]
    numbers = "\n".join(str(number) for number in range(_PODS // 2)).encode()
    started = time.monotonic()
    subprocess.run(argv, env=bed.env, input=numbers, stdout=subprocess.DEVNULL, check=True)
    return _PODS / 2 / (time.monotonic() - started)


def _warm_up(bed: Bed) -> None:
    bed.run([*bed.docker, "run", "--rm", IMAGE, "true"])
    bed.run([*bed.argoexec, "submit", str(bed.manifest([pod("warm-up", "true")])), "--wait"])
