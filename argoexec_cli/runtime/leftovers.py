"""What a crash of containerd leaves that takes a container's name there, as it tells of it.

Docker passes it on in other words around it, and so do versions of containerd.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_TAKEN: Final = re.compile(
    r"mkdir (/\S+/io\.containerd\.runtime\.v2\.task/[^/\s]+/[^/\s:]+): file exists"
)


def left_bundle(refusal: str) -> Path | None:
    """Return the directory that is in the way of a start, if that is why it was refused."""
    found = _TAKEN.search(refusal)
    return Path(found[1]) if found else None
