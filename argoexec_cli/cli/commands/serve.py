"""`argoexec serve`."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.grants import Grants, policy_of
from argoexec_cli.cli.session import Session
from argoexec_cli.errors import InvalidError
from argoexec_cli.logging import Format, Level, setup_logging
from argoexec_cli.postponed import collections_postponed, patterns_postponed

if TYPE_CHECKING:
    from argoexec_cli.cli.serving import ClusterAt, ServePlan
    from argoexec_cli.daemon.detach import Ready
    from argoexec_cli.executors.local.images.settings import ImageSettings
    from argoexec_cli.models.connection import ServerTls


class Place(NamedTuple):
    """Where the daemon listens and keeps its state."""

    listen: Annotated[
        list[str] | None,
        Option(metavar="HOST:PORT", help="Listen there too, with TLS or on 127.0.0.1."),
    ] = None
    socket: Annotated[Path | None, Option(metavar="PATH", help="The local socket.")] = None
    data_dir: Annotated[Path | None, Option(metavar="DIR", help="State and logs of all pods.")] = (
        None
    )
    pid_file: Annotated[
        Path | None, Option(metavar="PATH", help="Write the daemon's pid there too.")
    ] = None
    insecure: Annotated[
        bool, Option("--insecure", help="Let everybody in who reaches the port: no TLS.")
    ] = False
    tls_client_ca: Annotated[
        str, Option(metavar="FILE", help="Who signs clients; beside --tls-cert and --tls-key.")
    ] = ""
    lease_file: Annotated[
        Path | None,
        Option(
            metavar="PATH", help="Touch it when a client calls from outside, or while pods run."
        ),
    ] = None


class Work(NamedTuple):
    """What runs the pods, and how much of the machine they get."""

    runtime: Annotated[
        Literal["auto", "docker", "containerd", "fake"],
        Option(help="What runs containers; fake: nothing does. auto: Docker, or else containerd."),
    ] = "auto"
    executor: Annotated[
        Literal["local", "kubernetes"],
        Option(help="Where pods run: on this machine, or in the kubeconfig's cluster."),
    ] = "local"
    cluster: Annotated[
        bool,
        Option("--cluster", help="Read who is registered from the cluster, not from the file."),
    ] = False
    kubeconfig: Annotated[
        Path | None, Option(metavar="FILE", help="Which cluster the executor kubernetes means.")
    ] = None
    kube_context: Annotated[
        str, Option(metavar="NAME", help="The context of the kubeconfig, if not the current one.")
    ] = ""
    max_pods: Annotated[int, Option(metavar="N", min=1, help="So many at a time.")] = 110
    warm_networks: Annotated[
        int, Option(metavar="N", min=0, help="Docker networks kept for reuse; 0: none.")
    ] = 16
    cpus: Annotated[str, Option(metavar="CPUS", help="Of all; default: all cores.")] = ""
    memory: Annotated[str, Option(metavar="SIZE", help="Of all, such as 4Gi.")] = ""
    retention: Annotated[
        str, Option(metavar="DURATION", help="Keep what has ended for so long.")
    ] = "7d"
    pull_stall: Annotated[
        str, Option(metavar="DURATION", help="Give up a pull that brings nothing for so long.")
    ] = "2m"
    image_max_age: Annotated[
        str, Option(metavar="DURATION", help="Remove pulled images unused for so long; 0: never.")
    ] = "7d"
    image_gc_high: Annotated[
        int, Option(metavar="PERCENT", min=1, help="Remove unused ones when the disk is so full,")
    ] = 85
    image_gc_low: Annotated[
        int, Option(metavar="PERCENT", min=0, help="until it is down to this.")
    ] = 80
    drain: Annotated[
        str, Option(metavar="DURATION", help="Let open calls end for so long at the end.")
    ] = "10s"


class Logging(NamedTuple):
    """How the daemon logs."""

    log_level: Annotated[Level, Option(help="The least that is logged.")] = "info"
    log_format: Annotated[Format, Option(help="text or json.")] = "text"


class Life(NamedTuple):
    """Where it runs, and whether it is to end."""

    detach: Annotated[bool, Option("--detach", "-d", help="Go into the background.")] = False
    stop: Annotated[bool, Option("--stop", help="Stop the daemon of this data directory.")] = False


def serve_(
    session: Session,
    place: Place,
    work: Work,
    grants: Grants,
    logs: Logging,
    life: Life,
) -> int:
    """Run the daemon: this machine becomes an executor.

    Stopping it (--stop, TERM, Ctrl-C) leaves all tasks running; the next start adopts them. With
    --detach it returns when the daemon answers.
    """
    with ExitStack() as start:
        start.enter_context(patterns_postponed())
        start.enter_context(collections_postponed())
        from argoexec_cli.cli import serving

        plan = _plan(session, place, work, grants)
        if life.stop:
            return serving.stop_daemon(session, plan)
        level: Level = "debug" if session.options.debug else logs.log_level

        def serve(ready: Ready) -> int:
            def started(text: str) -> None:
                start.close()
                ready(text)

            setup_logging(level, logs.log_format)
            return asyncio.run(serving.run_daemon(plan, started))

        if not life.detach:
            return serve(session.say)
        session.say(serving.detach(plan, serve))
    return 0


def _plan(session: Session, place: Place, work: Work, grants: Grants) -> ServePlan:
    from argoexec_cli.cli.engines import Engines
    from argoexec_cli.cli.serving import ServePlan
    from argoexec_cli.controller.registry import NAMESPACE
    from argoexec_cli.models.quantity import parse_bytes, parse_millicores

    settings = session.settings
    listen = tuple(place.listen or ()) or settings.serve.listen
    lease = str(place.lease_file or settings.serve.lease_file)
    data_dir = (place.data_dir or Path(settings.data_dir.value)).absolute()
    socket = (place.socket or Path(settings.socket.value)).absolute()
    return ServePlan(
        addresses=(f"unix://{socket}", *listen),
        data_dir=data_dir,
        registry=Path(settings.registry.value),
        engines=Engines(
            data_dir=data_dir,
            choice=work.runtime,
            docker_host=settings.docker_host.value,
            wants_docker=bool(settings.docker_host.value),
            containerd_host=settings.containerd_host.value,
            warm_networks=work.warm_networks,
            pull_stall_s=parse_duration(work.pull_stall, "--pull-stall"),
        ),
        max_pods=work.max_pods,
        cpu_millicores=parse_millicores(work.cpus) if work.cpus else 0,
        memory_bytes=parse_bytes(work.memory) if work.memory else 0,
        retention_s=parse_duration(work.retention, "--retention"),
        policy=policy_of(grants, settings.serve.allow),
        images=_images(work, Path(settings.docker_config.value)),
        drain_s=parse_duration(work.drain, "--drain"),
        tls=_tls(session, place.tls_client_ca),
        insecure=place.insecure,
        lease_file=Path(lease) if lease else None,
        pid_file=place.pid_file.absolute() if place.pid_file else None,
        cluster=_cluster(session, work),
        executor=work.executor,
        registry_namespace=(session.options.namespace or NAMESPACE) if work.cluster else "",
    )


def _cluster(session: Session, work: Work) -> ClusterAt | None:
    """Return the cluster that a kubeconfig names, or the one that we run in, or None."""
    from argoexec_cli.cli.clusters import ClusterOptions, kubeconfigs
    from argoexec_cli.cli.serving import ClusterAt

    files = kubeconfigs(session, ClusterOptions(kubeconfig=work.kubeconfig))
    if not files:
        from argoexec_cli.kube.connecting import in_cluster

        if not in_cluster():
            return None
    return ClusterAt(tuple(path.absolute() for path in files), work.kube_context)


def _images(work: Work, docker_config: Path) -> ImageSettings:
    from argoexec_cli.executors.local.images.settings import ImageSettings

    if not work.image_gc_low <= work.image_gc_high <= 100:
        raise InvalidError(
            "--image-gc-low must not be more than --image-gc-high, nor that than 100",
            hint="argoexec serve --image-gc-high 85 --image-gc-low 80",
        )
    return ImageSettings(
        docker_config=docker_config,
        max_age_s=parse_duration(work.image_max_age, "--image-max-age"),
        high_percent=work.image_gc_high,
        low_percent=work.image_gc_low,
    )


def _tls(session: Session, client_ca: str) -> ServerTls | None:
    """Return what the flags say, all of it, or else the config file."""
    from argoexec_cli.models.connection import ServerTls

    given = {
        "--tls-cert": session.options.tls_cert,
        "--tls-key": session.options.tls_key,
        "--tls-client-ca": client_ca,
    }
    if not any(given.values()):
        return session.settings.serve.tls
    if missing := [flag for flag, value in given.items() if not value]:
        raise InvalidError(
            f"{missing[0]} is missing: a daemon's certificate, its key and the authority of its "
            "clients go together",
            hint="argoexec serve --help",
        )
    cert, key, authority = (str(Path(value).absolute()) for value in given.values())
    return ServerTls(cert=cert, key=key, client_ca=authority)
