"""What `submit` does: manifests to objects, objects to the daemon, and then to watch them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final, NamedTuple

import msgspec

from argoexec_cli.cli.connect import Server
from argoexec_cli.cli.items import Item, item_of_pod, item_of_run
from argoexec_cli.controller.documents import Document
from argoexec_cli.controller.load import load_everything, read_source
from argoexec_cli.controller.plan import check_run
from argoexec_cli.controller.submission import Overrides, Submission
from argoexec_cli.errors import ArgoexecError, InvalidError
from argoexec_cli.models.base import FieldError
from argoexec_cli.models.companions import Companions
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.record import PodRecord, PodRequest
from argoexec_cli.models.workflow import WorkflowRun

_AT_ONCE: Final = 32
Manifest = WorkflowRun | Pod


class Naming(NamedTuple):
    """A name, or the beginning of one, that replaces the manifest's."""

    name: str = ""
    prefix: str = ""


def parse_parameters(pairs: Sequence[str]) -> dict[str, str]:
    """Read `-p KEY=VALUE`; the value may hold further `=`. A later pair wins."""
    parameters = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidError(f"-p {pair}: not KEY=VALUE", hint="for example: -p message=hello")
        parameters[key] = value
    return parameters


def load_manifests(
    files: Sequence[str], stdin: BinaryIO, overrides: Overrides, naming: Naming
) -> Submission:
    """Read and check manifests without talking to anybody. `InvalidError` names file and line."""
    given = load_everything([read_source(file, stdin) for file in files], overrides)
    if not given.objects:
        raise InvalidError("nothing to run: no Workflow and no Pod", hint="add the Pod's manifest")
    if not any(naming):
        return given
    if all(naming):
        raise InvalidError("--name and --generate-name: one name is enough", hint="leave one out")
    if len(given.objects) != 1:
        raise InvalidError(
            f"one name for {len(given.objects)} manifests", hint="submit them one by one"
        )
    return msgspec.structs.replace(given, objects=[_renamed(given.objects[0], naming)])


async def submit_all(
    server: Server, given: Submission, on_accepted: Callable[[list[Item]], None]
) -> list[Item]:
    """Send everything, several at a time; return the items, in the order of its objects.

    Those that are refused do not keep back the others: *on_accepted* hears of what was accepted
    before the first error is raised. It has file and line, where the executor minds a field.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def send(one: Manifest, document: Document) -> Item | ArgoexecError:
        async with gate:
            try:
                return await _submit(server, one, given.companions)
            except FieldError as exc:
                return document.located(exc)
            except ArgoexecError as exc:
                return exc

    outcomes = await asyncio.gather(*map(send, given.objects, given.documents))
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    on_accepted(accepted)
    for outcome in outcomes:
        if isinstance(outcome, ArgoexecError):
            raise outcome
    return accepted


async def _submit(server: Server, one: Manifest, companions: Companions) -> Item:
    if isinstance(one, WorkflowRun):
        own = companions.of(check_run(one).request.pod) if companions.hash else companions
        return item_of_run(await server.workflows.submit(one, own))
    own = companions.of(one)
    request = PodRequest(pod=one, config_maps=own.config_maps, secrets=own.secrets)
    return item_of_pod(await server.executor.run_pod(request))


def item_of(one: Manifest) -> Item:
    """See a manifest that was not sent as an item."""
    return item_of_run(one) if isinstance(one, WorkflowRun) else item_of_pod(PodRecord(pod=one))


def _renamed(one: Manifest, naming: Naming) -> Manifest:
    from argoexec_cli.controller.names import check_subdomain, generate_name

    name = naming.name or generate_name(naming.prefix)
    check_subdomain(name, "--name" if naming.name else "--generate-name")
    meta = msgspec.structs.replace(one.metadata, name=name, generate_name="")
    return msgspec.structs.replace(one, metadata=meta)
