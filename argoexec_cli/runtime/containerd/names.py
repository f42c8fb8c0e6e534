"""Names of images in full, as containerd keeps them: registry, repository, and tag or digest."""

from __future__ import annotations

from typing import NamedTuple


class ImageName(NamedTuple):
    """`registry/repository` followed by `:tag` or `@digest`."""

    registry: str
    repository: str
    version: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}{self.version}"


def parse_name(name: str) -> ImageName:
    """Add what is left out by habit: Docker's registry, its library, the tag latest."""
    path, at, digest = name.partition("@")
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, path = first, rest
    else:
        registry = "docker.io"
        path = path if slash else f"library/{path}"
    repository, colon, tag = path.partition(":")
    if at:
        return ImageName(registry, repository, f"@{digest}")
    return ImageName(registry, repository, f":{tag if colon else 'latest'}")
