"""How far a pull is, in words, and how fast it goes."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from argoexec_cli.models.quantity import format_bytes
from argoexec_cli.runtime.base import PullProgress

_WINDOW_S: Final = 5.0


class _Sample(NamedTuple):
    time_s: float
    bytes_done: int


class Meter:
    """Measures one pull. The speed is that of the last five seconds."""

    def __init__(self, now_s: float) -> None:
        """Begin now, at any clock's time."""
        self._begun_s = now_s
        self._samples = deque([_Sample(now_s, 0)])
        self.last = PullProgress()

    def update(self, progress: PullProgress, now_s: float) -> None:
        """Take in a report."""
        self.last = progress
        self._samples.append(_Sample(now_s, progress.bytes_done))
        while len(self._samples) > 2 and now_s - self._samples[0].time_s > _WINDOW_S:
            self._samples.popleft()

    def render(self) -> str:
        """Say how far it is: `34.1 MiB of 50 MiB, 12 MiB/s, 3 of 5 layers`. Empty before the first
        layer is known.
        """
        last = self.last
        if not last.layers_total:
            return ""
        words = []
        if last.bytes_total:
            words.append(f"{format_bytes(last.bytes_done)} of {format_bytes(last.bytes_total)}")
        if last.bytes_done < last.bytes_total:
            words.append(f"{format_bytes(self._speed())}/s")
        words.append(f"{last.layers_done} of {last.layers_total} layers")
        return ", ".join(words)

    def summary(self, now_s: float) -> str:
        """Say how it was: ` in 4.2s (50 MiB, 12 MiB/s, 5 layers)`."""
        took_s, last = now_s - self._begun_s, self.last
        words = []
        if last.bytes_done:
            words += [format_bytes(last.bytes_done)]
            words += [f"{format_bytes(last.bytes_done / max(took_s, 0.001))}/s"]
        if last.layers_total:
            words += [f"{last.layers_total} layer{'s' * (last.layers_total != 1)}"]
        return f" in {took_s:.1f}s" + (f" ({', '.join(words)})" if words else "")

    def _speed(self) -> float:
        first, last = self._samples[0], self._samples[-1]
        passed_s = last.time_s - first.time_s
        return max(0, last.bytes_done - first.bytes_done) / passed_s if passed_s > 0 else 0.0
