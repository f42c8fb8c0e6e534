"""Names of images and registries, and whether one is meant by the other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

DOCKER_HUB: Final = "index.docker.io"
"""What Docker's configuration calls it; names of images say docker.io, or nothing."""
DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
"""What Docker's credential helpers call it."""
_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


def canonical(image: str) -> str:
    """Return an image's name in full, as docker.io/library/busybox:latest: equal for all ways to
    write it. A digest wins over a tag, which says nothing beside it.
    """
    name, at, digest = image.partition("@")
    repository, tag = _split_tag(name)
    return f"{_in_full(repository)}@{digest}" if at else f"{_in_full(repository)}:{tag or 'latest'}"


def repository_of(image: str) -> str:
    """Return registry and path of an image, in full, without tag and digest."""
    return _in_full(_split_tag(image.partition("@")[0])[0])


def registry_of(image: str) -> str:
    """Return host and port of an image's registry."""
    return repository_of(image).partition("/")[0]


def registry_key(written: str) -> str:
    """Return what a key of Docker's `auths` names: host, port and path, without scheme and API
    version.
    """
    place = written.partition("://")[2] or written
    host, _, path = place.partition("/")
    for version in ("v1", "v2"):
        if path == version or path.startswith(f"{version}/"):
            path = path[3:]
    path = path.strip("/")
    return f"{host}/{path}" if path else host


def is_for(key: str, repository: str) -> bool:
    """Whether a login for *key* is one for *repository* (in full). A `*` in the key's host stands
    for a part between dots; ports must be equal; the key's path is a beginning of the repository's.
    """
    key_host, _, key_path = key.partition("/")
    host, _, path = repository.partition("/")
    if host == "docker.io" and key_host in _HUB_NAMES:
        return path.startswith(key_path)
    key_name, _, key_port = key_host.partition(":")
    name, _, port = host.partition(":")
    patterns, parts = key_name.split("."), name.split(".")
    return (
        key_port == port
        and len(patterns) == len(parts)
        and all(map(fnmatchcase, parts, patterns))
        and path.startswith(key_path)
    )


def _split_tag(name: str) -> tuple[str, str]:
    before, colon, after = name.rpartition(":")
    return (before, after) if colon and "/" not in after else (name, "")


def _in_full(repository: str) -> str:
    first, slash, rest = repository.partition("/")
    if not slash:
        return f"docker.io/library/{repository}"
    if first in _HUB_NAMES:
        return f"docker.io/{rest}" if "/" in rest else f"docker.io/library/{rest}"
    if "." in first or ":" in first or first == "localhost":
        return repository
    return f"docker.io/{repository}"
