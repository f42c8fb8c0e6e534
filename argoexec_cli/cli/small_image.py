"""The one small image of the conformance cases, on an engine of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final

from argoexec_cli.cli.session import Session
from argoexec_cli.cli.stage import image_present
from argoexec_cli.proc import Child, ChildFailedError, run
from argoexec_cli.runtime.standin import StandInImage, docker_archive

_LIMIT_S: Final = 60.0


@asynccontextmanager
async def image_on(session: Session, runtime: str, image: str) -> AsyncIterator[None]:
    """Have *image* on a runtime of this machine in the block; one that was not there before is
    removed again. Where it cannot be pulled, one made of this machine's busybox takes its name.
    """
    had: AbstractAsyncContextManager[None] = nullcontext()
    if runtime == "docker":
        had = image_present(session, image)
    elif runtime == "containerd":
        had = _image_of_containerd(session, image)
    async with had:
        yield


@asynccontextmanager
async def _image_of_containerd(session: Session, image: str) -> AsyncIterator[None]:
    address = session.settings.containerd_host.value.removeprefix("unix://")
    where = ("ctr", *(("--address", address) if address else ()), "--namespace", "k8s.io", "images")
    full = image if "/" in image else f"docker.io/library/{image}"
    if full in (await _run([*where, "list", "--quiet"])).split():
        session.say(f"    {image} is on this machine")
        yield
        return
    try:
        await _run([*where, "pull", full])
        session.say(f"    pulled {image}")
    except ChildFailedError as exc:
        session.say(f"    {exc.hint or exc.message}")
        session.say("    a stand-in made of this machine's static busybox takes its place")
        await _run([*where, "import", "-"], docker_archive([StandInImage(name=image)]))
    try:
        yield
    finally:
        await _run([*where, "remove", full])


async def _run(argv: Sequence[str], stdin: bytes = b"") -> str:
    done = await run(Child(list(argv), _LIMIT_S, stdin=stdin))
    return done.check().stdout.decode(errors="replace")
