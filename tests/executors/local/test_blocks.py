"""The block format: what goes in comes out, and what is torn or damaged is never believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.executors.local.blocks import (
    MIN_BLOCK,
    block_size,
    decode_block,
    decode_blocks,
    encode_block,
    last_block_size,
    last_time,
)
from argoexec_cli.models.logs import LogChunk, LogRun

TIMES = st.integers(min_value=-(2**63), max_value=2**63 - 1)
RUNS = st.lists(st.builds(LogRun, TIMES, st.integers(0, 255), st.binary(max_size=40)), min_size=1)
SMALL = [LogRun(5, 1, b"one\n"), LogRun(7, 2, b"two")]


@given(RUNS, st.text(max_size=20).filter(lambda text: text < "\ud800" or text.isascii()))
def test_what_goes_in_comes_out(runs: list[LogRun], position: str) -> None:
    data = encode_block(runs, position)
    block = decode_block(memoryview(data), check=True)
    assert block is not None
    chunk = LogChunk(bytes(block.data), block.lengths, block.times, block.streams)
    assert list(chunk.runs()) == runs
    assert block.position == position
    assert (block.first_ns, block.last_ns) == (
        min(run.time_ns for run in runs),
        max(run.time_ns for run in runs),
    )
    assert block.size == block_size(data) == last_block_size(data) == len(data)
    assert last_time(data) == block.last_ns


@given(RUNS)
def test_every_torn_tail_is_seen(runs: list[LogRun]) -> None:
    first, second = encode_block(SMALL, "1"), encode_block(runs, "2")
    for cut in range(len(second)):
        blocks = list(decode_blocks(memoryview(first + second[:cut]), check=True))
        assert [block.position for block in blocks] == ["1"]


@pytest.mark.parametrize("mask", [1, 0x80, 0xFF])
def test_every_damaged_byte_is_seen(mask: int) -> None:
    data = encode_block(SMALL, "position")
    for at in range(len(data) - 4):  # the trailer only leads to the block; it holds nothing
        damaged = bytearray(data)
        damaged[at] ^= mask
        assert decode_block(memoryview(damaged), check=True) is None
        decode_block(memoryview(damaged))  # without the checksum: anything but an exception


@given(st.binary(max_size=200))
def test_garbage_is_no_block(garbage: bytes) -> None:
    assert decode_block(memoryview(garbage), check=True) is None
    assert block_size(garbage) == 0 or garbage.startswith(encode_block(SMALL, "")[:4])


def test_lines_are_counted_with_the_unfinished_one() -> None:
    block = decode_block(memoryview(encode_block(SMALL, "")))
    assert block is not None
    assert block.lines == 2
    assert block_size(b"x" * (MIN_BLOCK - 1)) == 0
