"""Where the `argoexec` command starts."""

from __future__ import annotations

import gc
from typing import Final

_ALLOCATIONS_PER_COLLECTION: Final = 50_000


def main() -> None:
    """Run the command line of this process and exit with its code.

    The collector looks less often than Python's default: loading modules makes many objects and
    no garbage, and every look would visit all of them again.
    """
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, 20, 20)
    from argoexec_cli.cli.app import build_app

    build_app().main(prog_name="argoexec")
