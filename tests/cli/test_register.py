"""`argoexec register` and who takes notice of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

ECHO = (Path(__file__).parents[2] / "examples" / "echo.yaml").read_text()
FILE = "argo-workflows-controller-configmap.yaml"


def test_registering_writes_the_config_map_and_repeating_changes_nothing(alone: Cli) -> None:
    flags = ("register", "mine", "--endpoint", "127.0.0.1:7401", "--default")
    outcome = alone(*flags)
    path = alone.home / FILE
    text = f"registered mine at 127.0.0.1:7401 as default in {path}\n"
    assert outcome == (0, "", text)
    before = path.read_bytes()
    assert b"executor: mine\n" in before
    assert "nothing to change" in alone(*flags).err
    assert path.read_bytes() == before


@pytest.mark.parametrize("flags", [["--default"], ["--endpoint", "h:1"], ["--dry-run"]])
def test_registering_nothing_is_a_mistake(flags: list[str], alone: Cli) -> None:
    outcome = alone("register", *flags)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: a NAME is missing")
    assert "hint: argoexec register my-custom-executor" in outcome.err


def test_a_dry_run_shows_the_difference_and_writes_nothing(alone: Cli) -> None:
    outcome = alone("register", "mine", "--endpoint", "127.0.0.1:7401", "--dry-run")
    assert outcome.code == 0
    assert "+    mine:\n+      endpoint: 127.0.0.1:7401\n" in outcome.out
    assert not (alone.home / FILE).exists()


def test_another_file_can_be_named_and_what_it_has_stays(alone: Cli) -> None:
    file = alone.home / "mine.yaml"
    alone("register", "one", "--endpoint", "h:1", "--config-map", str(file))
    file.write_text(file.read_text() + "  other: kept  # really\n")
    alone("register", "two", "--endpoint", "h:2", "--config-map", str(file))
    text = file.read_text()
    assert "  other: kept  # really\n" in text
    assert "one:" in text
    assert "two:" in text


def test_without_a_name_it_shows_what_is_registered(alone: Cli) -> None:
    assert alone("register").out == ""
    alone("register", "one", "--endpoint", "h:1")
    alone("register", "two", "--endpoint", "h:2", "--default")
    assert alone("register").out == (
        "NAME   ENDPOINT   DEFAULT\none    h:1\ntwo    h:2        yes\n"
    )


def test_a_known_name_needs_no_endpoint_to_become_the_default(alone: Cli) -> None:
    alone("register", "one", "--endpoint", "h:1")
    assert alone("register", "one", "--default").code == 0
    assert alone("register").out.splitlines()[1].split() == ["one", "h:1", "yes"]


def test_a_new_name_needs_an_endpoint(alone: Cli) -> None:
    outcome = alone("register", "new")
    assert outcome.code == 2
    first, second = outcome.err.splitlines()
    assert first == "error: new is new: --endpoint is needed"
    assert second.startswith("hint: argoexec register new --endpoint unix://")


def test_a_name_that_cannot_be_is_refused(alone: Cli) -> None:
    for name in ("local", "Not Good"):
        outcome = alone("register", name, "--endpoint", "h:1")
        assert outcome.code == 2
        assert name in outcome.err


def test_naming_one_again_leaves_what_is_said_of_it(alone: Cli) -> None:
    alone("register", "one", "--endpoint", "h:1")
    file = alone.home / FILE
    file.write_text(file.read_text() + "      tls: {ca: ca.pem}   # beside the daemon\n")
    before = file.read_text()
    assert "nothing to change" in alone("register", "one").err
    assert alone("register", "one", "--default").code == 0
    assert file.read_text() == f"{before}  executor: one\n"


def test_line_ends_stay_as_they_are(alone: Cli) -> None:
    alone("register", "one", "--endpoint", "h:1")
    file = alone.home / FILE
    before = file.read_bytes().replace(b"\n", b"\r\n")
    file.write_bytes(before)
    assert alone("register", "two", "--endpoint", "h:2").code == 0
    assert file.read_bytes() == before + b"    two:\r\n      endpoint: h:2\r\n"


def test_a_built_in_executor_can_be_the_default_again(alone: Cli) -> None:
    alone("register", "one", "--endpoint", "h:1", "--default")
    file = alone.home / FILE
    before = file.read_text()
    outcome = alone("register", "local", "--default")
    assert outcome == (0, "", f"registered local as default in {file}\n")
    assert file.read_text() == before.replace("executor: one", "executor: local")
    assert alone("register").out.splitlines()[2].split() == ["local", "built", "in", "yes"]
    assert "nothing to change" in alone("register", "local", "--default").err


def test_a_built_in_executor_can_be_the_first_default(alone: Cli) -> None:
    assert alone("register", "local", "--default").code == 0
    assert (alone.home / FILE).read_text().endswith("\ndata:\n  executor: local\n")


def test_what_is_registered_can_be_read_by_programs(alone: Cli) -> None:
    assert json.loads(alone("register", "-o", "json").out) == {"default": "", "executors": {}}
    alone("register", "one", "--endpoint", "h:1", "--default")
    shown = json.loads(alone("register", "-o", "json").out)
    assert shown == {"default": "one", "executors": {"one": {"endpoint": "h:1"}}}


def test_a_file_that_is_something_else_is_named_with_its_line(alone: Cli) -> None:
    (alone.home / FILE).write_text("apiVersion: v1\nkind: Secret\n")
    outcome = alone("register", "x", "--endpoint", "h:1")
    assert outcome.code == 2
    assert f"{FILE}:2: this is not the ConfigMap" in outcome.err


def test_reverting_restores_what_was_there_before_the_first_one(alone: Cli) -> None:
    file = alone.home / FILE
    alone("register", "one", "--endpoint", "h:1", "--default")
    before = file.read_text().replace("data:", "data:  # mine")
    file.write_text(before)
    (alone.home / f"{FILE}.undo").unlink()
    alone("register", "one", "--endpoint", "h:9", "--tls-ca", "/ca.pem")
    alone("register", "two", "--endpoint", "h:2", "--default")
    assert "-  executor: two\n+  executor: one\n" in alone("register", "--revert", "--dry-run").out
    assert alone("register", "--revert", "--check").code == 1
    assert alone("register", "--revert") == (0, "", f"{file} is restored\n")
    assert file.read_text() == before
    assert alone("register", "--revert") == (0, "", f"nothing was registered in {file}\n")


def test_reverting_removes_a_file_that_registering_made(alone: Cli) -> None:
    file = alone.home / FILE
    alone("register", "one", "--endpoint", "h:1", "--default")
    alone("register", "local", "--default")
    assert alone("register", "--revert") == (0, "", f"{file} is deleted\n")
    assert not list(alone.home.glob(f"{FILE}*"))


def test_reverting_leaves_what_a_person_wrote_since(alone: Cli) -> None:
    file = alone.home / FILE
    alone("register", "one", "--endpoint", "h:1")
    file.write_text(file.read_text() + "  other: kept  # really\n")
    alone("register", "two", "--endpoint", "h:2", "--tls-ca", "/ca.pem", "--default")
    file.write_text(file.read_text() + "  more: too\n")
    assert alone("register", "--revert").code == 0
    assert file.read_text().endswith("\ndata:\n  other: kept  # really\n  more: too\n")


def test_reverting_never_undoes_what_a_person_did_since(alone: Cli) -> None:
    file = alone.home / FILE
    alone("register", "one", "--endpoint", "h:1", "--default")
    mine = file.read_text().replace("h:1", "h:2")
    file.write_text(mine)
    outcome = alone("register", "--revert")
    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {file}: one was changed by somebody else since")
    assert file.read_text() == mine
    alone("register", "one", "--endpoint", "h:3")
    assert alone("register", "--revert").code == 0
    assert file.read_text() == mine


def test_reverting_takes_no_name(alone: Cli) -> None:
    outcome = alone("register", "one", "--revert")
    assert outcome.code == 2
    assert "without NAME" in outcome.err


def test_a_damaged_record_is_named(alone: Cli) -> None:
    alone("register", "one", "--endpoint", "h:1")
    record = alone.home / f"{FILE}.undo"
    record.write_text("{")
    outcome = alone("register", "--revert")
    assert outcome.code == 1
    assert f"{record} is damaged" in outcome.err


def test_the_daemon_takes_notice_without_a_restart(cli: Cli) -> None:
    # The address is the daemon's own, so the pod runs in this very daemon, under another name.
    name = "itself"
    assert cli("register", name, "--endpoint", cli.server, "--default").code == 0
    try:
        outcome = cli("submit", "-", "--name", "by-default", "--log", stdin=ECHO)
        assert (outcome.code, outcome.out) == (0, "hello\n")
        assert "itself" in cli("get", "by-default").out
    finally:
        (cli.home / FILE).unlink()


def test_without_a_default_a_run_says_how_to_choose(cli: Cli) -> None:
    outcome = cli("submit", "-", "--name", "nowhere", stdin=ECHO)
    assert outcome.code == 2
    assert "kubernetes" in outcome.err
    assert "--executor local" in outcome.err.splitlines()[1]
