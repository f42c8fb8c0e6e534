"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.completion import complete_container, complete_name
from argoexec_cli.cli.declare import Argument, Option
from argoexec_cli.cli.output import Format

_NAME_HELP = "A run or a pod; run/NAME or pod/NAME where both exist; @latest is the newest."

Name = Annotated[
    str,
    Argument(metavar="NAME", help=_NAME_HELP, complete=complete_name),
]
Names = Annotated[
    list[str],
    Argument(metavar="NAME...", help=_NAME_HELP, complete=complete_name),
]
MaybeName = Annotated[
    str | None,
    Argument(metavar="[NAME]", help=_NAME_HELP, complete=complete_name),
]
MaybeNames = Annotated[
    list[str] | None,
    Argument(metavar="[NAME...]", help=_NAME_HELP, complete=complete_name),
]
Container = Annotated[
    str,
    Option(
        "--container",
        "-c",
        metavar="NAME",
        help="In this container.",
        complete=complete_container,
    ),
]
Output = Annotated[
    Format,
    Option("--output", "-o", metavar="FORMAT", help="table, wide, name, json or yaml."),
]
Selector = Annotated[
    str, Option("--selector", "-l", metavar="QUERY", help="Labels: app=web,tier!=db.")
]
AllNamespaces = Annotated[bool, Option("--all-namespaces", "-A", help="Look in all namespaces.")]
NoHeaders = Annotated[bool, Option("--no-headers", help="Leave out the line of headings.")]
Timeout = Annotated[
    str, Option("--timeout", metavar="DURATION", help="Give up after so long, such as 2m.")
]
