"""The images that every engine of the suite starts with; all are made from the static busybox."""

from __future__ import annotations

from functools import cache

from argoexec_cli.runtime.standin import StandInImage, docker_archive

BUSYBOX = StandInImage()
# Every default of an image that a pod may keep or replace, each with a value to tell it by.
ENTRYPOINT = StandInImage(
    name="argoexec/test:entrypoint",
    entrypoint=("/bin/echo", "entrypoint"),
    cmd=("cmd",),
    env=("PATH=/bin", "FROM_IMAGE=yes"),
    working_dir="/tmp",
)
USER = StandInImage(name="argoexec/test:user", cmd=("id", "-u"), user="65534:65534")
NAMED_USER = StandInImage(name="argoexec/test:named-user", cmd=("id", "-u"), user="nobody")
ALL = (BUSYBOX, ENTRYPOINT, USER, NAMED_USER)


@cache
def archive() -> bytes:
    """Return one archive with all of them."""
    return docker_archive(ALL)
