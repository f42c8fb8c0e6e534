"""`argoexec version`."""

from __future__ import annotations

from typing import Annotated, Final

from argoexec_cli import __version__
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session

_NOTE: Final = "runs Argo's tasks anywhere; it is not the argoexec of Argo's own executor image"


def version_(
    session: Session,
    output: Annotated[
        Data | None, Option("--output", "-o", help="Write a document: json or yaml.")
    ] = None,
) -> None:
    """Say which argoexec this is.

    Argo Workflows ships another program of the same name inside its executor image; this is not it.
    """
    if output:
        write_data({"name": "argoexec", "version": __version__, "note": _NOTE}, output)
        return
    write(f"argoexec {__version__}\n")
    session.say(_NOTE)
