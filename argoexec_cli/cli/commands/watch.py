"""`argoexec watch`."""

from __future__ import annotations

from argoexec_cli.cli.connect import connect
from argoexec_cli.cli.detach import detachable, interruptible
from argoexec_cli.cli.find import find
from argoexec_cli.cli.params import AllNamespaces, MaybeNames
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.watching import watch_all, watch_items


async def watch_(
    session: Session, name: MaybeNames = None, all_namespaces: AllNamespaces = False
) -> int:
    """Follow the state of runs and pods.

    A table that is redrawn in place on a terminal, one plain line for each change elsewhere. With
    names it ends when they have ended, with the exit code of `argoexec wait`; else never.
    """
    async with connect(session) as server:
        if not name:
            async with interruptible(session):
                await watch_all(session, server, "" if all_namespaces else session.namespace)
            return 0
        items = [await find(server, each, session.namespace) for each in name]
        async with detachable(session, " ".join(name), "watch"):
            return await watch_items(session, server, items)
