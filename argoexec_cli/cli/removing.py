"""`destroy`, from the question to the last word."""

from __future__ import annotations

from pathlib import Path

from argoexec_cli.cli.asking import confirmed
from argoexec_cli.cli.fleetplaces import fleet_store, tools_for
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.steps import StepDisplay
from argoexec_cli.compute.fleet.access import forget_contexts
from argoexec_cli.compute.fleet.removal import destroy
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.errors import ArgoexecError, StoppedError


async def remove_fleet(
    session: Session, name: str, *, drain_s: float, force: bool, yes: bool
) -> None:
    """Remove the fleet called *name*, once the user agrees; repeatable after a failure."""
    store = fleet_store(session)
    store.find(name)
    with store.held(name) as place, StepDisplay(session) as display:
        fleet = store.find(name)
        count = len(fleet.hosts)
        hosts = f"{count} host{'s' if count != 1 else ''}" if count else "all that was made"
        what = f"{hosts} of {name} ({fleet.provider})"
        question, refusal = f"End {what}?", f"this would end {what}"
        if not yes and not confirmed(question, refusal, hint=f"argoexec destroy {name} --yes"):
            raise StoppedError("nothing was destroyed", hint=f"argoexec destroy {name} --yes")
        tools = tools_for(session, fleet, display.show)
        await destroy(fleet, tools, drain_s=drain_s, force=force)
        forget_contexts(Path(session.settings.config.value), name)
        _forget_registered(session, place)
        place.forget()
    session.say(f"the fleet {name} is gone: hosts, contexts, keys")


def _forget_registered(session: Session, place: Place) -> None:
    """Forget the fleet's executors. A file that is not to be changed does not keep the keys."""
    from argoexec_cli.cli.fleetregistry import forget_fleet

    try:
        forget_fleet(session, place)
    except ArgoexecError as exc:
        session.say(f"executors of the fleet may still be registered: {exc.message}")
