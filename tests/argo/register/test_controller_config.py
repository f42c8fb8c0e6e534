"""The controller's ConfigMap: read as strictly as the controller does, changed by one key."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from argoexec_cli.argo.register.controller_config import read_config, set_field
from argoexec_cli.argo.register.fields import FIELDS
from argoexec_cli.argo.register.versions import Version, version_of_image
from argoexec_cli.errors import InvalidError
from tests.argo.register.starting import KEYS, STARTING

NEW, OLD = Version(4, 1, 2), Version(4, 0, 10)
SWITCH = "disableAgentPodCreation"


def controller_accepts(data: dict[str, Any], version: Version = NEW) -> bool:
    """Tell whether a controller would start with *data*: a judge that shares no code with us."""
    if any(not isinstance(text, str) for text in data.values()):
        return False
    if "config" in data and len(data) > 1:
        return False
    try:
        if "config" in data:
            documents = list(yaml.safe_load_all(data["config"]))
            fields = documents[0] if documents else {}
            if len(documents) > 1:
                return False
        else:
            fields = {key: yaml.safe_load(text) for key, text in data.items()}
    except yaml.YAMLError:
        return False
    top = [line.partition(":")[0] for line in str(data.get("config", "")).splitlines()]
    named = [word for word in top if word in KEYS]
    if len(named) != len(set(named)):
        return False
    known = KEYS if version >= NEW[:2] else KEYS - {SWITCH, "initlessPod"}
    return (
        isinstance(fields or {}, dict)
        and set(fields or {}) <= known
        and isinstance((fields or {}).get("executor") or {}, dict)
        and isinstance((fields or {}).get("parallelism"), int | None)
        and isinstance((fields or {}).get(SWITCH), bool | None)
    )


def test_the_fields_are_those_of_the_controller() -> None:
    assert set(FIELDS) == KEYS


@pytest.mark.parametrize("name", STARTING)
@pytest.mark.parametrize("version", [NEW, OLD, None], ids=str)
def test_no_write_makes_a_config_map_at_which_a_controller_exits(
    name: str, version: Version | None
) -> None:
    before = STARTING[name]
    try:
        after = set_field(before, SWITCH, True, version)
    except InvalidError:
        return
    assert version != OLD
    assert controller_accepts(after), after
    assert read_config(after, version).fields[SWITCH] is True


KEEPING = [
    name
    for name, data in STARTING.items()
    if data is not None and controller_accepts(data) and "flow" not in name and "ends" not in name
]


@pytest.mark.parametrize("name", KEEPING)
def test_what_was_there_stays_byte_for_byte(name: str) -> None:
    before = STARTING[name] or {}
    after = set_field(before, SWITCH, True, NEW)
    for key, text in before.items():
        if key == "config" and SWITCH not in text:
            assert after[key].startswith(text)
        elif key != SWITCH and key != "config":
            assert after[key] == text
    assert ("config" in after) == ("config" in before)


@pytest.mark.parametrize(
    "name", [n for n, d in STARTING.items() if not controller_accepts(d or {})]
)
def test_what_a_controller_would_not_read_is_left_alone(name: str) -> None:
    with pytest.raises(InvalidError):
        set_field(STARTING[name], SWITCH, True, NEW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {SWITCH: "true"}),
        ({"parallelism": "3"}, {"parallelism": "3", SWITCH: "true"}),
        ({"config": "a: 1\r\n".replace("a", "parallelism")}, None),
        ({"config": f"{SWITCH}: false # not yet\n"}, {"config": f"{SWITCH}: true # not yet\n"}),
        ({"config": "{}"}, {"config": f"{SWITCH}: true\n"}),
        ({"config": "  navColor: red"}, {"config": f"  navColor: red\n  {SWITCH}: true\n"}),
    ],
)
def test_the_form_stays(before: dict[str, str], after: dict[str, str] | None) -> None:
    found = set_field(before, SWITCH, True, NEW)
    assert found == (after or {"config": f"parallelism: 1\r\n{SWITCH}: true\r\n"})
    assert set_field(found, SWITCH, True, NEW) == found


@given(
    st.dictionaries(st.sampled_from([*sorted(KEYS), "executors", "foreign"]), st.text(max_size=12)),
    st.booleans(),
)
def test_whatever_is_there_the_outcome_is_readable_or_refused(
    entries: dict[str, str], blob: bool
) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in entries.items())
    before = {"config": text} if blob else entries
    try:
        after = set_field(before, SWITCH, True, NEW)
    except InvalidError:
        return
    assert controller_accepts(after), after


def test_what_is_wrong_is_named() -> None:
    for data, words in (
        ({"config": "a: 1", "b": "2"}, "data.config must be alone, and there is b"),
        ({"config": "executor: argoexec"}, "executor: expected a Container, which is a map"),
        ({"executors": "a: b"}, "executors is no field"),
        ({"containerRuntimeExecutor": "docker"}, "removed in v3.4.0"),
        ({"config": "a: b: c"}, "data.config, line 1: not YAML"),
        ({"config": "parallelism: 1\nparallelism: 2"}, "appears twice"),
    ):
        with pytest.raises(InvalidError) as caught:
            read_config(data)
        assert words in caught.value.message


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/argoproj/workflow-controller:v4.1.2", Version(4, 1, 2)),
        ("mirror:5000/wc:3.5.15-patched", Version(3, 5, 15)),
        ("quay.io/argoproj/workflow-controller:latest", None),
        ("quay.io/argoproj/workflow-controller@sha256:0123", None),
        ("mirror:5000/wc", None),
    ],
)
def test_versions_of_images(image: str, version: Version | None) -> None:
    assert version_of_image(image) == version
