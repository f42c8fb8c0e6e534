"""Who a process runs as: what its image and its pod say, looked up in the image's own files.

The rules are Docker's, which runc's library wrote down first: a user may be a name or a number; a
user whose group is not said has the group and the further groups that the image gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from argoexec_cli.errors import StartError
from argoexec_cli.runtime.base import Security


class Identity(NamedTuple):
    """Numbers of a process's user and groups, and where its user lives."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def identify(image_user: str, security: Security, passwd: str, group: str) -> Identity:
    """Return who runs a process. *passwd* and *group* are the texts of the image's files.

    `StartError`: the image does not know the user or group that it names.
    """
    name, _, group_name = image_user.partition(":")
    if security.user is not None:
        name, group_name = str(security.user), ""
    if security.group is not None:
        group_name = str(security.group)
    user = _find_user(name or "0", passwd)
    gid, groups = user.gid, _memberships(user.name, group)
    if group_name:
        gid, groups = _find_group(group_name, group), ()
    # With the first group among them: a process could drop that one, and with it what a file denies
    # to the group (CVE-2023-25173).
    members = tuple(dict.fromkeys((gid, *groups, *security.groups)))
    return Identity(user.uid, gid, members, user.home)


class _User(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


def _find_user(wanted: str, passwd: str) -> _User:
    for fields in _lines(passwd, 7):
        if wanted in (fields[0], fields[2]) and fields[2].isdecimal():
            gid = int(fields[3]) if fields[3].isdecimal() else 0
            return _User(fields[0], int(fields[2]), gid, fields[5] or "/")
    if not wanted.isdecimal():
        raise StartError(
            f"unable to find user {wanted}: no matching entries in passwd file",
            hint="set securityContext.runAsUser to the number of a user",
        )
    return _User("", int(wanted), 0, "/")


def _find_group(wanted: str, group: str) -> int:
    for fields in _lines(group, 3):
        if wanted in (fields[0], fields[2]) and fields[2].isdecimal():
            return int(fields[2])
    if not wanted.isdecimal():
        raise StartError(
            f"unable to find group {wanted}: no matching entries in group file",
            hint="set securityContext.runAsGroup to the number of a group",
        )
    return int(wanted)


def _memberships(user: str, group: str) -> tuple[int, ...]:
    if not user:
        return ()
    return tuple(
        int(fields[2])
        for fields in _lines(group, 4)
        if user in fields[3].split(",") and fields[2].isdecimal()
    )


def _lines(text: str, count: int) -> Iterator[list[str]]:
    """Yield the fields of each line that has at least *count* of them."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) >= count and not line.startswith("#"):
            yield fields
