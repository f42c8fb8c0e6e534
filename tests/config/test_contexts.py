"""Contexts are written, used and forgotten; the rest of the file stays."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from argoexec_cli.config.contexts import delete_context, put_context, use_context
from argoexec_cli.config.file import load_file
from argoexec_cli.config.load import Choice, load_settings
from argoexec_cli.config.settings import Context
from argoexec_cli.errors import InvalidError, NotFoundError
from argoexec_cli.models.connection import Endpoint, Ssh, Tls

TLS = Tls(ca="/f/ca.crt", cert="/f/tls.crt", key="/f/tls.key")
LAB = Context(name="lab/0", server="10.0.0.1:7443", tls=TLS)
FAR = Context(
    name="far",
    server="127.0.0.1:7443",
    via="ssh",
    ssh=Ssh(host="far.example", user="admin", known_hosts_file="/f/known_hosts"),
    tls=Tls(ca="/f/ca.crt", cert="/f/tls.crt", key="/f/tls.key", server_name="far.example"),
)


def test_a_new_file_is_private_and_has_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.yaml"
    put_context(path, LAB, current=True)
    put_context(path, FAR)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file = load_file(path)
    assert file.contexts == (LAB, FAR)
    assert file.current_context == "lab/0"


def test_repeating_changes_nothing_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "# mine\ncontexts:\n- name: own   # keep\n  server: h:1\nserve: {listen: ['h:2']}\n"
    )
    put_context(path, LAB)
    text = path.read_text()
    assert text.startswith("# mine\ncontexts:\n- name: own   # keep\n  server: h:1\n")
    assert "serve: {listen: ['h:2']}" in text
    put_context(path, LAB)
    assert path.read_text() == text
    moved = Context(name="lab/0", server="10.0.0.2:7443", tls=TLS)
    put_context(path, moved)
    assert [each.name for each in load_file(path).contexts] == ["own", "lab/0"]
    assert load_file(path).contexts[1] == moved


@pytest.mark.parametrize("name", ["off", "null", "1e3", "2026-01-02", "lab"])
def test_a_name_that_means_something_else_in_yaml_is_a_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    context = Context(name=name, server="10.0.0.1:7443", tls=Tls(server_name=name))
    put_context(path, context)
    use_context(path, name)
    put_context(path, context, current=True)
    assert load_file(path).contexts == (context,)
    assert load_file(path).current_context == name


def test_using_and_forgetting(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    put_context(path, LAB)
    put_context(path, FAR)
    use_context(path, "far")
    assert load_file(path).current_context == "far"
    delete_context(path, "lab/0")
    assert load_file(path).current_context == "far"
    delete_context(path, "far")
    assert load_file(path).current_context == ""
    assert load_file(path).contexts == ()
    for change in (use_context, delete_context):
        with pytest.raises(NotFoundError, match="has no context 'far'"):
            change(path, "far")


def test_a_file_that_is_wrong_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts: [{name: a}]\n")
    with pytest.raises(InvalidError, match=r"config\.yaml:1"):
        put_context(path, LAB)
    assert path.read_text() == "contexts: [{name: a}]\n"


def test_ssh_without_a_host_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("contexts:\n- name: a\n  server: h:1\n  via: ssh\n")
    with pytest.raises(InvalidError, match=r"config\.yaml:4: .*ssh needs a host"):
        load_file(path)


# ---- which server it is


def choose(home: Path, *flags: str, variable: str = "") -> Endpoint:
    """Return the endpoint that flags (the fields of `Choice`) and a variable choose."""
    environ = {"HOME": "/nowhere", "ARGOEXEC_CONFIG": str(home / "config.yaml")}
    settings = load_settings(Choice(*flags), environ=environ | {"ARGOEXEC_SERVER": variable})
    assert settings.server.value == settings.endpoint.server
    return settings.endpoint


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a directory with a config file of two contexts, `lab/0` being current."""
    put_context(tmp_path / "config.yaml", LAB, current=True)
    put_context(tmp_path / "config.yaml", FAR)
    return tmp_path


def test_the_current_context_brings_its_files(home: Path) -> None:
    assert choose(home) == LAB.endpoint


def test_another_context_wins_over_the_variable(home: Path) -> None:
    assert choose(home, "", "far", variable="h:1") == FAR.endpoint


def test_a_server_alone_gets_no_files_of_a_context(home: Path) -> None:
    assert choose(home, "h:1") == Endpoint(server="h:1")
    assert choose(home, variable="h:2") == Endpoint(server="h:2")


def test_a_server_beside_a_context_changes_only_the_address(home: Path) -> None:
    assert choose(home, "h:1", "lab/0") == Endpoint(server="h:1", tls=TLS)


def test_variables_bring_files_or_what_is_in_them(home: Path) -> None:
    environ = {
        "HOME": str(home),
        "ARGOEXEC_SERVER": "h:1",
        "ARGOEXEC_TLS_CA": "/ca.crt",
        "ARGOEXEC_TLS_CERT_PEM": "certificate",
        "ARGOEXEC_TLS_KEY_PEM": "key",
    }
    tls = load_settings(environ=environ).endpoint.tls
    assert tls is not None
    assert tls.ca == "/ca.crt"
    assert (Path(tls.cert).read_text(), Path(tls.key).read_text()) == ("certificate", "key")


def test_files_that_are_named_win_one_by_one(home: Path) -> None:
    endpoint = choose(home, "", "far", "/mine.crt")
    assert endpoint.tls == Tls(
        ca="/mine.crt", cert=TLS.cert, key=TLS.key, server_name="far.example"
    )
    assert endpoint.ssh == FAR.ssh


def test_a_context_that_is_not_there(home: Path) -> None:
    with pytest.raises(InvalidError, match=r"--context: .*config\.yaml has no context 'x'") as e:
        choose(home, "", "x")
    assert "lab/0, far" in e.value.hint
