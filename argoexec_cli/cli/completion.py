"""What the shell offers after TAB: fast, and silent when anything is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from argoexec_cli.errors import ArgoexecError

if TYPE_CHECKING:
    from argoexec_cli.cli.items import Item
    from argoexec_cli.cli.session import Session

_PATIENCE_S: Final = 1.0
_COMMON: Final = ("server", "context", "tls_ca", "tls_cert", "tls_key", "namespace")


def complete_name(ctx: Any, incomplete: str) -> list[str]:
    """Offer the names of runs and pods; with `run/` or `pod/` in front, those of that kind."""
    items = _ask(ctx)
    plain = ["@latest", *(item.name for item in items)]
    kinds = {"workflowrun": "run", "pod": "pod"}
    labels = [f"{kinds[item.kind]}/{item.name}" for item in items] if "/" in incomplete else []
    return [name for name in [*plain, *labels] if name.startswith(incomplete)]


def complete_place(ctx: Any, incomplete: str) -> list[str]:
    """Offer the names of runs and pods with a colon, after which a path follows. Paths here are
    the shell's affair.
    """
    if ":" in incomplete or incomplete.startswith((".", "/", "~")):
        return []
    return [f"{name}:" for name in complete_name(ctx, incomplete)]


def complete_executor(ctx: Any, incomplete: str) -> list[str]:
    """Offer the executors that are registered, and the built-in one."""
    from argoexec_cli.controller.registry import read_registry_file

    try:
        known = read_registry_file(Path(_session(ctx).settings.registry.value)).executors
    except ArgoexecError:
        known = {}
    return [name for name in dict.fromkeys(["local", *known]) if name.startswith(incomplete)]


def complete_server(ctx: Any, incomplete: str) -> list[str]:
    """Offer the servers of the config file's contexts."""
    try:
        contexts = _session(ctx).settings.contexts
    except ArgoexecError:
        return []
    return [each.server for each in contexts if each.server.startswith(incomplete)]


def complete_context(ctx: Any, incomplete: str) -> list[str]:
    """Offer the names of the config file's contexts."""
    try:
        contexts = _session(ctx).settings.contexts
    except ArgoexecError:
        return []
    return [each.name for each in contexts if each.name.startswith(incomplete)]


def complete_fleet(ctx: Any, incomplete: str) -> list[str]:
    """Offer the names of the fleets that were made here."""
    from argoexec_cli.cli.fleetplaces import fleet_store

    try:
        names = fleet_store(_session(ctx)).fleets().names
    except ArgoexecError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_status(ctx: Any, incomplete: str) -> list[str]:
    """Offer phases and, once a letter is typed, reasons; after a comma one more of them."""
    from argoexec_cli.cli.statuses import PHASES, REASONS

    before, comma, last = incomplete.rpartition(",")
    words = (*PHASES, *REASONS) if last else PHASES
    return [f"{before}{comma}{word}" for word in words if word.startswith(last)]


def complete_container(ctx: Any, incomplete: str) -> list[str]:
    """Offer the containers of the pod that the command line names."""
    from argoexec_cli.models.record import PodRecord

    # The name is left among the plain words when the option that is completed stands last.
    words = [*ctx.args, ctx.params.get("name") or ""]
    wanted = {str(word).rpartition("/")[2] for word in words}
    sources = [item.source for item in _ask(ctx) if item.name in wanted]
    specs = [source.pod.spec for source in sources if isinstance(source, PodRecord)]
    names = [one.name for spec in specs for one in (*spec.init_containers, *spec.containers)]
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def _ask(ctx: Any) -> list[Item]:
    import asyncio

    try:
        return asyncio.run(_items(_session(ctx)))
    except (ArgoexecError, TimeoutError):
        return []


async def _items(session: Session) -> list[Item]:
    import asyncio

    from argoexec_cli.cli.connect import connect
    from argoexec_cli.cli.find import list_items, without_pods_of_runs

    async with asyncio.timeout(_PATIENCE_S), connect(session) as server:
        return without_pods_of_runs(await list_items(server, session.namespace))


def _session(ctx: Any) -> Session:
    from argoexec_cli.cli.session import Options, Session

    given = {**(ctx.parent.params if ctx.parent else {}), **ctx.params}
    known: Any = {name: given.get(name) or "" for name in _COMMON}
    return Session(Options(**known))
