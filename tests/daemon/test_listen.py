"""Whose socket it is: stale ones are replaced, live ones and other files are not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from argoexec_cli.daemon.server import serving
from argoexec_cli.errors import PreconditionError
from argoexec_cli.rpc.channel import connect
from tests.daemon.memory import MemoryExecutor


async def test_a_stale_socket_is_replaced(
    executor: MemoryExecutor, address: str, short_tmp: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_tmp / "s"))
    async with serving(executor, addresses=(address,)), connect(address) as connection:
        assert connection.info.name == "memory"


async def test_a_live_daemons_socket_is_refused_and_keeps_serving(
    executor: MemoryExecutor, address: str
) -> None:
    async with serving(executor, addresses=(address,)):
        with pytest.raises(PreconditionError, match="another process listens on") as caught:
            async with serving(executor, addresses=(address,)):
                pass
        assert "--socket" in caught.value.hint
        async with connect(address) as connection:
            assert connection.info.name == "memory"


async def test_a_live_foreign_socket_is_refused(
    executor: MemoryExecutor, address: str, short_tmp: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(short_tmp / "s"))
        other.listen(1)
        with pytest.raises(PreconditionError, match="another process"):
            async with serving(executor, addresses=(address,)):
                pass
        assert (short_tmp / "s").is_socket()


async def test_a_file_at_the_sockets_place_is_left_alone(
    executor: MemoryExecutor, address: str, short_tmp: Path
) -> None:
    (short_tmp / "s").write_text("precious")
    with pytest.raises(PreconditionError, match="is not a socket"):
        async with serving(executor, addresses=(address,)):
            pass
    assert (short_tmp / "s").read_text() == "precious"


async def test_a_directory_that_cannot_be_made_is_named(
    executor: MemoryExecutor, short_tmp: Path
) -> None:
    (short_tmp / "file").write_text("")
    with pytest.raises(PreconditionError, match=r"cannot use .*/file: not a directory"):
        async with serving(executor, addresses=(f"unix://{short_tmp}/file/s",)):
            pass
