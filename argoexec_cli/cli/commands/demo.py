"""`argoexec demo`."""

from __future__ import annotations

from argoexec_cli.cli.session import Session


async def demo_(session: Session) -> None:
    """Run the whole chain on this machine, and clean up.

    Finds or installs Docker Engine, starts a daemon of its own, registers it, submits the echo
    workflow, follows its log and shows its status. Works without the internet too.
    """
    from argoexec_cli.cli.demonstration import demonstrate

    await demonstrate(session)
