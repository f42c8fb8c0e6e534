"""`argoexec plugin`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, NamedTuple

from argoexec_cli.cli.commands.serve import Logging
from argoexec_cli.cli.completion import complete_executor
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.session import Session
from argoexec_cli.logging import setup_logging

_TOKEN = Path("/var/run/argo/token")


class Listening(NamedTuple):
    """Where the plugin answers, and whom."""

    listen: Annotated[str, Option(metavar="HOST:PORT", help="Answer there; port 0 takes any.")] = (
        "127.0.0.1:4355"
    )
    token_file: Annotated[
        Path, Option(metavar="FILE", help="The bearer token that Argo's agent sends.")
    ] = _TOKEN
    no_token: Annotated[bool, Option("--no-token", help="Answer everybody.")] = False
    insecure: Annotated[
        bool, Option("--insecure", help="With --no-token: listen where others can connect.")
    ] = False


def plugin_(
    session: Session,
    place: Listening,
    logs: Logging,
    executor: Annotated[
        str,
        Option(
            metavar="NAME", help="Run templates that name no executor.", complete=complete_executor
        ),
    ] = "",
) -> int:
    """Answer Argo's agent as an executor plugin.

    Runs as the sidecar of an executor plugin (Argo Workflows 3.3 and later) or anywhere: it hands
    templates with `plugin: {argoexec: …}` to executors. Stopping it (TERM, Ctrl-C) leaves tasks
    running; the next one finds them again.
    """
    from argoexec_cli.cli import delegating

    server, registry = delegating.where(session)
    plan = delegating.PluginPlan(
        server=server,
        registry=registry,
        executor=executor,
        listen=delegating.parse_listen(place.listen, exposed=place.insecure or not place.no_token),
        token_file=None if place.no_token else place.token_file,
    )
    setup_logging("debug" if session.options.debug else logs.log_level, logs.log_format)
    return asyncio.run(delegating.run_plugin(plan, session.say))
