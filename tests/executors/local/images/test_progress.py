"""How far a pull is, in words."""

from __future__ import annotations

import pytest

from argoexec_cli.executors.local.images.progress import Meter
from argoexec_cli.models.quantity import format_bytes
from argoexec_cli.runtime.base import PullProgress

MIB = 1 << 20


def progress(done: float, total: float, layers: int) -> PullProgress:
    return PullProgress(
        bytes_done=int(done * MIB), bytes_total=int(total * MIB), layers_done=layers, layers_total=5
    )


def test_bytes_speed_and_layers() -> None:
    meter = Meter(100.0)
    assert meter.render() == ""
    meter.update(progress(10.1, 50, 1), 101.0)
    meter.update(progress(35.2, 50, 3), 102.0)
    assert meter.render() == "35.2 MiB of 50 MiB, 17.6 MiB/s, 3 of 5 layers"


def test_the_speed_is_that_of_the_last_seconds() -> None:
    meter = Meter(0.0)
    meter.update(progress(40, 50, 1), 1.0)
    for second in range(2, 9):
        meter.update(progress(40 + second / 2, 50, 1), float(second))
    assert "512 KiB/s" in meter.render()


def test_unpacking_has_no_speed() -> None:
    meter = Meter(0.0)
    meter.update(progress(50, 50, 4), 1.0)
    assert meter.render() == "50 MiB of 50 MiB, 4 of 5 layers"


def test_a_summary() -> None:
    meter = Meter(0.0)
    assert meter.summary(0.25) == " in 0.2s"
    meter.update(progress(50, 50, 5), 4.0)
    assert meter.summary(4.0) == " in 4.0s (50 MiB, 12.5 MiB/s, 5 layers)"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1023 * 1024, "1023 KiB"),
        (5 << 40, "5 TiB"),
        (5000 << 40, "5000 TiB"),
    ],
)
def test_bytes_for_people(count: int, text: str) -> None:
    assert format_bytes(count) == text
