"""Golden files: templates as Argo hands them over, and the requests that they become.

`python -m tests.argo.translate.golden` writes the expected files anew: look at the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from argoexec_cli.argo.translate.request import Delegation, Identity, Owner, delegate
from argoexec_cli.models.base import encode

DIRECTORY: Final = Path(__file__).parent / "golden"
OWNER: Final = Owner("argo", "my-wf", "0f2c1c8e-8a40-4f7c-9d57-5a3d4c9e1b11", "agent")
IDENTITY: Final = Identity("my-wf-14620098", "14620098", "my-wf-14620098")


def names() -> list[str]:
    """Return the names of all golden templates."""
    return sorted(path.stem for path in DIRECTORY.glob("*.yaml"))


def template(name: str) -> dict[str, Any]:
    """Return the template of that name."""
    read: dict[str, Any] = yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text())
    return read


def rendered(delegation: Delegation) -> str:
    """Return a delegation as the text of its golden file."""
    shown = {
        "executor": delegation.executor,
        "limit_s": delegation.limit_s,
        "result": delegation.result,
        "returns": [one._asdict() for one in delegation.returns],
        "request": encode(delegation.request),
    }
    return json.dumps(shown, indent=2, sort_keys=True) + "\n"


def expected(name: str) -> Path:
    """Return where the expected text is."""
    return DIRECTORY / f"{name}.json"


if __name__ == "__main__":
    for each in names():
        expected(each).write_text(rendered(delegate(template(each), OWNER, IDENTITY)))
