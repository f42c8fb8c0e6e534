"""Reading the registry of executors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.controller.registry import (
    Registration,
    Registry,
    check_endpoint,
    check_name,
    read_registry,
    read_registry_file,
)
from argoexec_cli.errors import InvalidError, NotFoundError
from argoexec_cli.models.connection import Tls

TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: argo-workflows-controller-configmap
  namespace: argo
data:
  executor: mine
  executors: |
    mine:
      endpoint: unix:///run/a.sock
    other:
      endpoint: host:7070
      tls: {ca: x}
"""


def test_the_registry_is_read() -> None:
    registry = read_registry(TEXT, "f")
    assert registry == Registry(
        "mine",
        {
            "mine": Registration("unix:///run/a.sock"),
            "other": Registration("host:7070", Tls(ca="x")),
        },
    )
    assert registry.endpoint("other").server == "host:7070"
    with pytest.raises(NotFoundError, match="no executor is registered as x") as caught:
        registry.endpoint("x")
    assert caught.value.hint.startswith("known: local, mine, other")


def test_nothing_is_an_empty_registry(tmp_path: Path) -> None:
    assert read_registry("", "f") == Registry()
    assert read_registry_file(tmp_path / "missing.yaml") == Registry()
    bare = TEXT[: TEXT.index("\ndata:") + 1]
    assert read_registry(bare, "f") == Registry()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(TEXT)
    assert read_registry_file(path).default == "mine"
    with pytest.raises(InvalidError, match="cannot be read"):
        read_registry_file(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: ConfigMap", "kind: Secret", "f:2: this is not the ConfigMap argo-workflows-contr"),
        ("-configmap", "", "f:4: this is not the ConfigMap"),
        ("executor: mine", "executor: [mine]", "f:7: data.executor: expected text"),
        ("executors: |", "executors:", "f:8: data.executors: expected text"),
        ("      endpoint: host:7070", "      endpoint: [a", "f:13:"),
        ("      endpoint: host:7070", "      x: y", "f:11: data.executors.other: Object missing"),
        ("host:7070", "nowhere", "f:11: data.executors.other: 'nowhere' is not an endpoint"),
        ("    other:", "    local:", "f:11: data.executors.local: local is a built-in executor"),
        ("    other:", "    mine:", "f:11: the key 'mine' appears twice (first in line 9)"),
    ],
)
def test_a_broken_registry_is_refused_with_its_line(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidError) as caught:
        read_registry(TEXT.replace(old, new), "f")
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "endpoint",
    [
        "unix:///run/argoexec.sock",
        "unix:///home/me/my dir/a.sock",
        "host:7070",
        "127.0.0.1:1",
        "[::1]:65535",
        "dns:///a.example.org",
        "dns:///a.example.org:443",
    ],
)
def test_an_endpoint_is_what_grpc_can_dial(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "host",
        "unix://relative",
        "unix:///",
        "unix:///a//b",
        "unix:///" + "x" * 120,
        "http://host:1",
        "host:0",
        "host:65536",
        "host:port",
        "-a:1",
        "a b:1",
        "unix:///a\nb",
        "dns://a",
    ],
)
def test_anything_else_is_no_endpoint(endpoint: str) -> None:
    with pytest.raises(InvalidError):
        check_endpoint(endpoint)


@pytest.mark.parametrize("name", ["local", "kubernetes", "", "A", "a.b", "a_b", "-a"])
def test_names_are_labels_and_not_built_in(name: str) -> None:
    with pytest.raises(InvalidError):
        check_name(name)


@given(st.text())
def test_any_text_is_a_registry_or_refused(text: str) -> None:
    try:
        read_registry(text.encode("utf-8", "surrogatepass"), "f")
    except InvalidError as exc:
        assert exc.message.startswith("f:")
