"""Addresses: what is one, and who can reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.errors import InvalidError
from argoexec_cli.rpc.address import SOCKET_PATH_LIMIT, Address, parse_address


@pytest.mark.parametrize(
    ("text", "address", "target"),
    [
        ("unix:///run/a.sock", Address(path=Path("/run/a.sock")), "unix:/run/a.sock"),
        ("unix:/run/a.sock", Address(path=Path("/run/a.sock")), "unix:/run/a.sock"),
        ("127.0.0.1:7777", Address(host="127.0.0.1", port=7777), "127.0.0.1:7777"),
        ("host.example:1", Address(host="host.example", port=1), "host.example:1"),
        ("[::1]:7777", Address(host="::1", port=7777), "[::1]:7777"),
        ("localhost:0", Address(host="localhost", port=0), "localhost:0"),
    ],
)
def test_what_is_an_address(text: str, address: Address, target: str) -> None:
    assert parse_address(text) == address
    assert address.target == target
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:", ":1", "host:65536", "::1:7777", "http://host:1", "a b:1", "unix:",
     "unix://", "unix:///a\0b", "[::1]", "host:-1"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_address(text)
    assert "unix:///run/argoexec.sock" in caught.value.hint


def test_a_relative_path_is_taken_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("unix:s").path == tmp_path / "s"


def test_a_path_that_linux_would_cut_is_refused() -> None:
    longest = "/" + "a" * (SOCKET_PATH_LIMIT - 1)
    assert parse_address(f"unix://{longest}").path == Path(longest)
    with pytest.raises(InvalidError, match="has 108 bytes; 107 is the most"):
        parse_address(f"unix://{longest}a")


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("unix:///s", True),
        ("127.0.0.1:1", True),
        ("127.8.9.10:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
    ],
)
def test_who_can_reach_it(text: str, loopback: bool) -> None:
    assert parse_address(text).loopback is loopback
