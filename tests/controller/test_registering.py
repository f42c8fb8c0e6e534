"""Editing the registry: what is not meant stays as it is, byte for byte."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.controller.registering import plan_register, render_diff, write_registry
from argoexec_cli.controller.registry import Registration, read_registry
from argoexec_cli.errors import ArgoexecError, InvalidError, PreconditionError
from argoexec_cli.models.connection import Tls

SOCKET = "unix:///run/argoexec.sock"
NEW = """\
# The executors that argoexec's controller knows; `argoexec register` writes this file.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argo-workflows-controller-configmap
  namespace: argo
data:
  executor: my-custom-executor
  executors: |
    my-custom-executor:
      endpoint: unix:///run/argoexec.sock
"""
OWN = """\
# top
apiVersion: v1
kind: ConfigMap
metadata:
    name: "argo-workflows-controller-configmap"   # quoted
    namespace: argo
    labels: {a: 'b'}
data:
    # an unrelated key
    config: |
        list:
          - a
    executors: |
        # ours
        first:      # keep me
            endpoint: "unix:///a.sock"
            tls: {ca: x}
        # last
    executor: 'first'   # the default
    zeta: "1"
"""


def register(text: str | None, name: str = "my-custom-executor", *, default: bool = False) -> str:
    """Register *name* at the usual socket."""
    return plan_register(text, name, Registration(SOCKET), default=default)


def test_a_new_registry_is_the_manifest() -> None:
    assert register(None, default=True) == NEW
    assert register("", default=True) == NEW


def test_repeating_changes_nothing() -> None:
    assert register(NEW) == NEW
    assert register(NEW, default=True) == NEW
    changed = register(OWN, default=True)
    assert register(changed, default=True) == changed


def test_only_the_lines_that_are_meant_change() -> None:
    changed = register(OWN, "second")
    added = [line for line in changed.splitlines() if line not in OWN.splitlines()]
    assert added == ["        second:", "            endpoint: unix:///run/argoexec.sock"]
    kept = [line for line in OWN.splitlines() if line not in changed.splitlines()]
    assert kept == []


def test_a_new_endpoint_replaces_the_old_and_nothing_else() -> None:
    changed = register(OWN, "first")
    removed = [line for line in OWN.splitlines() if line not in changed.splitlines()]
    assert removed == ['            endpoint: "unix:///a.sock"']
    assert read_registry(changed, "f").endpoint("first").server == SOCKET


def test_the_default_is_set_without_touching_its_comment() -> None:
    changed = register(OWN, "second", default=True)
    assert "executor: 'second'  # the default" in changed
    assert read_registry(changed, "f").default == "second"
    assert read_registry(register(OWN, "second"), "f").default == "first"


def test_a_block_of_comments_alone_is_kept() -> None:
    text = NEW.replace(
        "    my-custom-executor:\n      endpoint: unix:///run/argoexec.sock\n", "    # none yet\n"
    )
    assert "    # none yet\n    mine:\n" in register(text, "mine")


def test_names_that_yaml_would_misread_are_quoted() -> None:
    changed = register(register(None, "no", default=True), "010")
    assert '  executor: "no"\n' in changed
    assert '    "no":\n' in changed
    assert '    "010":\n' in changed
    assert register(changed, "no", default=True) == changed


def test_the_files_of_tls_are_written_and_stay_when_only_the_address_changes() -> None:
    tls = Tls(ca="/ca", cert="/c", key="/k", server_name="edge")
    text = plan_register(NEW, "edge", Registration("edge:7443", tls))
    assert read_registry(text, "f").executors["edge"] == Registration("edge:7443", tls)
    assert "serverName: edge" in text
    moved = plan_register(text, "edge", Registration("edge:7444"))
    assert read_registry(moved, "f").executors["edge"] == Registration("edge:7444", tls)
    assert plan_register(moved, "edge", Registration("edge:7444")) == moved


def test_windows_line_ends_are_kept() -> None:
    changed = register(NEW.replace("\n", "\r\n"), "second")
    assert changed.count("\r\n") == changed.count("\n") == NEW.count("\n") + 2


@pytest.mark.parametrize("text", ["a: [", "- 1", "kind: ConfigMap", OWN + "zeta: 1\nzeta: 2\n"])
def test_a_malformed_file_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^registry:\d+"):
        register(text)


@given(
    names=st.lists(st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True), max_size=5),
    base=st.sampled_from([None, NEW, OWN]),
)
def test_what_is_registered_is_read_back_whatever_was_there(
    names: list[str], base: str | None
) -> None:
    text = base
    before = read_registry(base or "", "f").executors
    names = [name for name in names if name not in ("local", "kubernetes")]
    for number, name in enumerate(names):
        text = plan_register(
            text, name, Registration(f"host:{number + 1}"), default=number % 2 == 0
        )
    found = read_registry(text or "", "f").executors
    wanted = {name: Registration(f"host:{number + 1}") for number, name in enumerate(names)}
    assert found == before | wanted


def test_the_difference_to_nothing_names_no_old_file() -> None:
    assert render_diff(None, "a\n", "f") == "--- /dev/null\n+++ f\n@@ -0,0 +1 @@\n+a\n"
    assert render_diff("a\n", "a\n", "f") == ""


def test_the_file_is_replaced_whole_with_its_mode_through_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_registry(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.yaml", "real.yaml"]


def test_a_new_file_gets_its_directories(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "r.yaml"
    write_registry(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").mkdir()
    with pytest.raises(PreconditionError, match="cannot be written") as caught:
        write_registry(tmp_path / "r.yaml", "new")
    assert isinstance(caught.value, ArgoexecError)
    assert os.listdir(tmp_path) == ["r.yaml"]
