"""`argoexec doctor`: findings, fixes, and the exit code."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli


def findings(cli: Cli, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    code, out, _ = cli("doctor", "-o", "json", **environment)
    return code, {each["check"]: each for each in json.loads(out)}


def test_what_is_missing_is_wrong_and_has_a_fix(alone: Cli) -> None:
    code, found = findings(alone, DOCKER_HOST=f"unix://{alone.home}/none.sock")
    assert code == 1
    for check in ("docker", "daemon"):
        assert found[check]["state"] == "wrong"
        assert found[check]["fix"]
    assert found["registry"]["state"] == "note"
    assert found["registry"]["fix"].startswith("argoexec register")


def test_each_setting_is_shown_with_its_origin(alone: Cli) -> None:
    _, found = findings(alone)
    assert found["server"]["found"] == f"{alone.server} (ARGOEXEC_SERVER)"
    assert found["config file"]["found"].endswith("config.yaml (ARGOEXEC_CONFIG)")


def test_the_room_is_that_of_the_default_directory(alone: Cli) -> None:
    _, found = findings(alone)
    directory = found["data directory"]["found"].partition(" (")[0]
    assert found["disk"]["found"].endswith(
        f" GiB free for {directory} (a daemon's default directory)"
    )


def test_a_daemon_that_answers_is_described(cli: Cli) -> None:
    _, found = findings(cli)
    assert found["daemon"]["state"] == "ok"
    assert "runtime fake" in found["daemon"]["found"]


@pytest.mark.parametrize(
    ("address", "fix"),
    [
        ("unix:///tmp/nobody.sock", "argoexec serve --detach --socket /tmp/nobody.sock"),
        ("127.0.0.1:1", "argoexec serve --detach --listen 127.0.0.1:1"),
    ],
)
def test_the_fix_starts_a_daemon_where_one_was_looked_for(
    address: str, fix: str, alone: Cli
) -> None:
    _, found = findings(alone, ARGOEXEC_SERVER=address)
    assert found["daemon"]["fix"] == fix


def test_people_get_a_mark_a_line_and_the_fix_below(alone: Cli) -> None:
    outcome = alone("doctor", DOCKER_HOST=f"unix://{alone.home}/none.sock")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("✖   daemon"))
    socket = alone.server.removeprefix("unix://")
    assert lines[place + 1] == f"      fix: argoexec serve --detach --socket {socket}"
    assert outcome.err == ""
