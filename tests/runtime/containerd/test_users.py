"""Whom a process runs as: names and numbers, the image's word and the pod's."""

from __future__ import annotations

import pytest

from argoexec_cli.errors import StartError
from argoexec_cli.runtime.base import Security
from argoexec_cli.runtime.containerd.users import identify

PASSWD = """\
# users
root:x:0:0:root:/root:/bin/sh
app:x:1001:2001:App:/home/app:/bin/sh
broken:x
bare:x:1002:2002:::
"""
GROUP = """\
root:x:0:
wheel:x:10:root,app
app:x:2001:
media:x:44:app
"""


@pytest.mark.parametrize(
    ("image", "security", "expected"),
    [
        ("", Security(), (0, 0, (0, 10), "/root")),
        ("app", Security(), (1001, 2001, (2001, 10, 44), "/home/app")),
        ("1001", Security(), (1001, 2001, (2001, 10, 44), "/home/app")),
        ("app:media", Security(), (1001, 44, (44,), "/home/app")),
        ("app:5", Security(), (1001, 5, (5,), "/home/app")),
        ("7:8", Security(), (7, 8, (8,), "/")),
        ("bare", Security(), (1002, 2002, (2002,), "/")),
        ("app", Security(user=0), (0, 0, (0, 10), "/root")),
        ("app:media", Security(user=1001), (1001, 2001, (2001, 10, 44), "/home/app")),
        ("app", Security(user=4242), (4242, 0, (0,), "/")),
        ("app", Security(group=9), (1001, 9, (9,), "/home/app")),
        ("", Security(group=9), (0, 9, (9,), "/root")),
        ("app", Security(groups=(44, 77)), (1001, 2001, (2001, 10, 44, 77), "/home/app")),
        ("app", Security(user=5, group=6, groups=(7,)), (5, 6, (6, 7), "/")),
    ],
)
def test_user_and_groups(image: str, security: Security, expected: tuple[object, ...]) -> None:
    assert identify(image, security, PASSWD, GROUP) == expected


@pytest.mark.parametrize(
    ("image", "missing"), [("nobody", "user nobody"), ("app:x", "group x"), ("broken", "broken")]
)
def test_names_that_the_image_does_not_know(image: str, missing: str) -> None:
    with pytest.raises(StartError, match=f"unable to find {missing}|{missing}"):
        identify(image, Security(), PASSWD, GROUP)


def test_an_image_without_the_files() -> None:
    assert identify("", Security(), "", "") == (0, 0, (0,), "/")
    assert identify("5", Security(), "", "")[:2] == (5, 0)
