"""Chunks of a log over the wire and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.models.logs import STDERR, STDOUT, LogRun, make_chunk
from argoexec_cli.rpc.gen.argoexec.v1alpha1 import logs_pb2
from argoexec_cli.rpc.log_columns import chunk_from_message, chunk_to_message

RUNS = st.lists(
    st.builds(
        LogRun,
        time_ns=st.integers(-(2**61), 2**61),
        stream=st.sampled_from([STDOUT, STDERR]),
        data=st.binary(min_size=1, max_size=300),
    )
)


@given(runs=RUNS, cursor=st.text(max_size=20))
def test_any_chunk_comes_back(runs: list[LogRun], cursor: str) -> None:
    chunk = make_chunk(runs, cursor)
    message = logs_pb2.LogChunk.FromString(chunk_to_message(chunk).SerializeToString())
    assert chunk_from_message(message) == chunk
    assert list(chunk_from_message(message).runs()) == runs


def test_times_travel_as_differences() -> None:
    runs = [LogRun(10, STDOUT, b"a\n"), LogRun(7, STDERR, b"b\n"), LogRun(7, STDOUT, b"c")]
    message = chunk_to_message(make_chunk(runs, "x"))
    assert list(message.run_time_delta) == [10, -3, 0]
    assert list(message.run_stream) == [logs_pb2.STDOUT, logs_pb2.STDERR, logs_pb2.STDOUT]
    assert (message.data, message.cursor) == (b"a\nb\nc", "x")
