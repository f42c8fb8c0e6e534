"""Which container of which pod a command means."""

from __future__ import annotations

from typing import NamedTuple

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.find import find, pods_of
from argoexec_cli.cli.items import Item
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import InvalidError, NotFoundError, PreconditionError, UnsupportedError
from argoexec_cli.models.exec import EXEC
from argoexec_cli.models.record import PodRecord, PodRef


class Target(NamedTuple):
    """A container."""

    ref: PodRef
    container: str


async def find_target(session: Session, server: Server, name: str, container: str) -> Target:
    """Return the container *name* means: of a run, the pod that runs. Says which container it is
    when there are several and none was named.
    """
    if EXEC not in server.info.capabilities:
        raise UnsupportedError(
            f"executor {server.info.name} cannot run commands in containers",
            hint="argoexec logs shows what they wrote",
        )
    item = await find(server, name, session.namespace)
    record = item.source if isinstance(item.source, PodRecord) else await _pod_of(server, item)
    spec = record.pod.spec
    names = [one.name for one in (*spec.containers, *spec.init_containers)]
    if container and container not in names:
        raise NotFoundError(
            f"pod {record.pod.metadata.name} has no container {container}",
            hint=f"it has: {', '.join(names)}",
        )
    if not container and len(names) > 1:
        session.say(f"using container {names[0]} out of: {', '.join(names)}")
    return Target(record.ref, container or names[0])


async def _pod_of(server: Server, run: Item) -> PodRecord:
    records = []
    for ref in pods_of(run):
        try:
            records.append(await server.executor.get_pod(ref))
        except NotFoundError:
            continue
    live = [record for record in records if record.pod.status.phase == "Running"]
    if len(live) == 1:
        return live[0]
    if live:
        names = ", ".join(f"pod/{record.pod.metadata.name}" for record in live)
        raise InvalidError(f"{run.label} has several pods: {names}", hint="name one of them")
    raise PreconditionError(
        f"no pod of {run.label} runs: {run.status}", hint=f"argoexec get {run.label}"
    )
