"""`argoexec demo`."""

from __future__ import annotations

from argoexec_cli.cli.session import Session


async def demo_(session: Session) -> int:
    """Run the whole chain on this machine, and clean up.

    Finds or installs Docker Engine, starts a daemon of its own, registers it, submits the echo
    workflow, follows its log and shows its status. Works without the internet too. Ctrl-C cleans
    up as well.
    """
    from argoexec_cli.cli.demonstration import demonstrate
    from argoexec_cli.cli.interrupt import tidy_on_interrupt

    return await tidy_on_interrupt(session, demonstrate(session))
