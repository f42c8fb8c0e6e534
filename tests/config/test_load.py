"""Where each setting comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from argoexec_cli.config.load import LOCAL, child_environment, load_settings
from argoexec_cli.errors import InvalidError

CONFIG = """\
current-context: lab
contexts:
- name: lab
  server: lab.example:7401
- name: edge
  server: unix:///run/edge.sock
"""


def write_config(home: Path, text: str = CONFIG) -> Path:
    path = home / ".config" / "argoexec" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_user_without_any_setting_gets_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(environ={"HOME": str(tmp_path)}, superuser=False)
    assert settings.server.origin == LOCAL
    assert settings.server.value == f"unix://{tmp_path}/.local/share/argoexec/argoexec.sock"
    assert settings.data_dir.value == f"{tmp_path}/.local/share/argoexec"
    assert settings.config.value == f"{tmp_path}/.config/argoexec/config.yaml"
    assert settings.registry.value.startswith(f"{tmp_path}/.config/argoexec/")
    assert not settings.no_color


def test_root_gets_the_machine_wide_places(tmp_path: Path) -> None:
    settings = load_settings(environ={"HOME": str(tmp_path)}, superuser=True)
    assert settings.server.value == "unix:///run/argoexec/argoexec.sock"
    assert settings.data_dir.value == "/var/lib/argoexec"


def test_the_xdg_directories_are_honoured(tmp_path: Path) -> None:
    environ = {
        "HOME": "/nowhere",
        "XDG_CONFIG_HOME": str(tmp_path / "c"),
        "XDG_DATA_HOME": str(tmp_path / "d"),
        "XDG_RUNTIME_DIR": str(tmp_path / "r"),
    }
    settings = load_settings(environ=environ, superuser=False)
    assert settings.config.value == f"{tmp_path}/c/argoexec/config.yaml"
    assert settings.config.origin == "XDG_CONFIG_HOME"
    assert settings.data_dir.value == f"{tmp_path}/d/argoexec"
    assert settings.data_dir.origin == "XDG_DATA_HOME"
    assert settings.socket.value == f"{tmp_path}/r/argoexec/argoexec.sock"
    assert settings.socket.origin == "XDG_RUNTIME_DIR"


def test_the_flag_wins_over_everything(tmp_path: Path) -> None:
    write_config(tmp_path)
    environ = {"HOME": str(tmp_path), "ARGOEXEC_SERVER": "env:1"}
    server = load_settings("flag:1", environ=environ).server
    assert (server.value, server.origin) == ("flag:1", "--server")


def test_the_variable_wins_over_the_context(tmp_path: Path) -> None:
    write_config(tmp_path)
    environ = {"HOME": str(tmp_path), "ARGOEXEC_SERVER": "env:1"}
    server = load_settings(environ=environ).server
    assert (server.value, server.origin) == ("env:1", "ARGOEXEC_SERVER")


def test_the_context_wins_over_the_socket(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    server = load_settings(environ={"HOME": str(tmp_path)}).server
    assert server.value == "lab.example:7401"
    assert server.origin == f"context lab in {path}"


def test_another_config_file_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(CONFIG)
    settings = load_settings(environ={"HOME": "/nowhere", "ARGOEXEC_CONFIG": str(path)})
    assert settings.config.origin == "ARGOEXEC_CONFIG"
    assert [context.name for context in settings.contexts] == ["lab", "edge"]


def test_a_context_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = write_config(tmp_path, CONFIG.replace("current-context: lab", "current-context: lap"))
    with pytest.raises(InvalidError, match=f"{path}: current-context: there is no") as caught:
        load_settings(environ={"HOME": str(tmp_path)})
    assert "lab, edge" in caught.value.hint


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("", False)])
def test_no_color_counts_when_it_is_not_empty(value: str, expected: bool, tmp_path: Path) -> None:
    settings = load_settings(environ={"HOME": str(tmp_path), "NO_COLOR": value})
    assert settings.no_color is expected


def test_the_engine_may_be_elsewhere(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DOCKER_HOST": "tcp://engine:2375"}
    setting = load_settings(environ=environ).docker_host
    assert (setting.value, setting.origin) == ("tcp://engine:2375", "DOCKER_HOST")


def test_a_container_runtime_may_be_elsewhere(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "CONTAINER_RUNTIME_ENDPOINT": "unix:///run/crio/crio.sock"}
    setting = load_settings(environ=environ).containerd_host
    assert (setting.value, setting.origin) == (
        "unix:///run/crio/crio.sock",
        "CONTAINER_RUNTIME_ENDPOINT",
    )


def test_a_child_gets_our_environment_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")
    environment = child_environment(ADDED="2")
    assert environment["KEPT"] == "1"
    assert environment["ADDED"] == "2"
