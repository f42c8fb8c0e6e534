"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from argoexec_cli.cli.completion import complete_name
from argoexec_cli.cli.output import Format

_NAME_HELP = "A run or a pod; run/NAME or pod/NAME where both exist; @latest is the newest."

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help=_NAME_HELP, show_default=False, autocompletion=complete_name
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...", help=_NAME_HELP, show_default=False, autocompletion=complete_name
    ),
]
MaybeName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]", help=_NAME_HELP, show_default=False, autocompletion=complete_name
    ),
]
MaybeNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME...]", help=_NAME_HELP, show_default=False, autocompletion=complete_name
    ),
]
Output = Annotated[
    Format,
    typer.Option("--output", "-o", metavar="FORMAT", help="table, wide, name, json or yaml."),
]
Selector = Annotated[
    str, typer.Option("--selector", "-l", metavar="QUERY", help="Labels: app=web,tier!=db.")
]
AllNamespaces = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="Look in all namespaces.")
]
NoHeaders = Annotated[bool, typer.Option("--no-headers", help="Leave out the line of headings.")]
Timeout = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="Give up after so long, such as 2m.")
]
