"""Where the playbooks are, and the program that plays them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from argoexec_cli.errors import PreconditionError

_PACKAGE: Final = Path(__file__).parents[2]
_PLACES: Final = (_PACKAGE / "_share" / "ansible", _PACKAGE.parent / "ansible")


def find_playbook(name: str) -> Path:
    """Return the playbook *name*, from the installed package or from a checkout."""
    for place in _PLACES:
        path = place / "playbooks" / name
        if path.exists():
            return path
    raise PreconditionError(
        f"the playbook {name} is not part of this installation", hint="pip install --force argoexec"
    )


def find_program() -> Path:
    """Return `ansible-playbook` of this Python. `PreconditionError` when it is not installed."""
    program = Path(sys.executable).with_name("ansible-playbook")
    if not program.exists():
        raise PreconditionError("ansible is not installed", hint="pip install 'argoexec[ansible]'")
    return program
