"""Versions of Argo Workflows, as far as decisions depend on them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+.].*)?")


class Version(NamedTuple):
    """A release; pre-releases count as the release that they precede."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Render as Argo does: v4.1.2."""
        return f"v{self.major}.{self.minor}.{self.patch}"


PLUGINS_SINCE: Final = Version(3, 3, 0)
STRICT_SINCE: Final = Version(3, 4, 0)
AGENT_SINCE: Final = Version(4, 1, 0)
"""The first one that knows `disableAgentPodCreation`; an older one exits at that key."""


def parse_version(text: str) -> Version | None:
    """Return the version that *text* is, or None."""
    match = _VERSION.fullmatch(text.strip())
    return Version(*(int(part) for part in match.groups())) if match else None


def version_of_image(image: str) -> Version | None:
    """Return the version that an image's tag names; digests and other words name none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return parse_version(tag)
