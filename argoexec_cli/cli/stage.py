"""What `demo` stands on: an engine, an image, and a place of its own, all given back at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from argoexec_cli.cli.session import Session
from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import ArgoexecError, PreconditionError
from argoexec_cli.runtime.base import ImagePull
from argoexec_cli.runtime.docker.engine import connect
from argoexec_cli.runtime.docker.images import find_image, have_image
from argoexec_cli.runtime.docker.runtime import DockerOptions
from argoexec_cli.runtime.standin import BUSYBOX, PAUSE_IMAGE, StandInImage, docker_archive

_ENGINE: Final = "docker.yml"
_BUSYBOX: Final = "busybox.yml"
_STALL_S: Final = 20.0


def engine_host(session: Session) -> str:
    """Return the engine's address: DOCKER_HOST, or Docker's own default."""
    return session.settings.docker_host.value or DockerOptions().host


@asynccontextmanager
async def engine_running(session: Session) -> AsyncIterator[None]:
    """Have Docker Engine running in the block; one that this call started is stopped again.

    It is installed and started by the project's own Ansible role, which needs root.
    """
    if await _answers(engine_host(session)):
        session.say("    Docker Engine answers")
        yield
        return
    if os.geteuid() != 0:
        raise PreconditionError(
            "Docker Engine does not answer, and only root may install and start it",
            hint="sudo argoexec demo",
        )
    session.say("    no engine answers: the role ansible/roles/docker installs and starts one")
    await _play(session, _ENGINE, docker_state="started")
    try:
        yield
    finally:
        session.say("==> Stop the engine that was started for this")
        await _play(session, _ENGINE, docker_state="stopped")


@asynccontextmanager
async def image_present(session: Session, image: str) -> AsyncIterator[None]:
    """Have *image* on the host in the block; one that was not there before is removed again.

    When it cannot be pulled, a stand-in made of this machine's static busybox takes its name. So is
    the image that the runtime makes for itself, unless containers of somebody else's use it.
    """
    async with connect(engine_host(session)) as engine:
        await engine.negotiate()
        had_pause = await find_image(engine, PAUSE_IMAGE) is not None
        had = await find_image(engine, image) is not None
        if had:
            session.say(f"    {image} is on this machine")
        else:
            try:
                await have_image(engine, ImagePull(image=image), None, stall_s=_STALL_S)
                session.say(f"    pulled {image}")
            except ArgoexecError as exc:
                session.say(f"    {exc.message}")
                await _stand_in(session, image)
        try:
            yield
        finally:
            if not had:
                await engine.call("DELETE", f"/images/{image}", {"force": "1"})
            if not had_pause:
                await engine.call("DELETE", f"/images/{PAUSE_IMAGE}")


@asynccontextmanager
async def own_place() -> AsyncIterator[Path]:
    """Give an empty directory that is gone after the block."""
    directory = Path(tempfile.mkdtemp(prefix="argoexec-demo-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _answers(host: str) -> bool:
    try:
        async with connect(host) as engine:
            await engine.negotiate()
    except ArgoexecError:
        return False
    return True


async def _stand_in(session: Session, image: str) -> None:
    session.say("    a stand-in made of this machine's static busybox takes its place")
    if not BUSYBOX.exists() and os.geteuid() == 0:
        session.say("    there is none: the role ansible/roles/busybox installs it")
        await _play(session, _BUSYBOX)
    await _load_stand_in(engine_host(session), image)


async def _play(session: Session, playbook: str, **variables: str) -> None:
    from argoexec_cli.compute.ansible import play_on_localhost

    def tell(task: str) -> None:
        session.say(f"    ansible: {task}")

    await play_on_localhost(playbook, variables, child_environment(), tell)


async def _load_stand_in(host: str, image: str) -> None:
    archive = docker_archive([StandInImage(name=image)])
    async with connect(host) as engine:
        await engine.negotiate()
        answer = await engine.call("POST", "/images/load", {"quiet": "1"}, archive, limit_s=60)
    if not answer.ok:
        raise PreconditionError(
            f"the stand-in image cannot be loaded: {answer.message}", hint="argoexec doctor"
        )
