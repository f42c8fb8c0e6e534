"""Every login that may open a registry, one after the other, the likeliest first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import ArgoexecError, DeniedError
from argoexec_cli.executors.local.credentials.ecr import Ecr
from argoexec_cli.executors.local.credentials.helpers import ask_helper
from argoexec_cli.executors.local.credentials.logins import (
    DockerConfig,
    Login,
    matching,
    parse_config,
)
from argoexec_cli.executors.local.credentials.names import (
    DOCKER_HUB_KEY,
    registry_key,
    registry_of,
)

_log = logging.getLogger(__name__)


class Keychain:
    """The logins of the host. The configuration is read anew for each search, so that a `docker
    login` counts at once; what comes out of it is kept nowhere.
    """

    def __init__(self, config: Path | None = None, ecr: Ecr | None = None) -> None:
        """Use Docker's configuration file *config*, if there is one."""
        self._config = config
        self._ecr = ecr or Ecr()

    async def search(
        self, image: str, own: Sequence[Login], problems: list[str]
    ) -> AsyncIterator[Login]:
        """Yield each login for *image*: the pod's *own*, those in the configuration, those of its
        helpers, Amazon's. What is not asked for is not looked up, and no helper is run for it.

        A source that fails is skipped, and said in *problems*.
        """
        config = await self._read(problems)
        for login in (*matching(own, image), *matching(config.logins, image)):
            yield login
        registry = registry_of(image)
        for login in await self._from_helper(registry, config, problems):
            yield login
        try:
            credentials = await self._ecr.login(registry)
        except ArgoexecError as exc:
            _note(exc, problems)
        else:
            if credentials is not None:
                yield Login(registry, credentials, "the host's AWS identity")

    async def _read(self, problems: list[str]) -> DockerConfig:
        if self._config is None:
            return DockerConfig()
        try:
            data = await asyncio.to_thread(self._config.read_bytes)
            return parse_config(data, str(self._config))
        except (FileNotFoundError, NotADirectoryError):
            return DockerConfig()
        except OSError as exc:
            _note(DeniedError(f"cannot read {self._config}: {exc.strerror}"), problems)
        except ArgoexecError as exc:
            _note(exc, problems)
        return DockerConfig()

    async def _from_helper(
        self, registry: str, config: DockerConfig, problems: list[str]
    ) -> list[Login]:
        hub = registry == "docker.io"
        keys = ("docker.io", registry_key(DOCKER_HUB_KEY)) if hub else (registry,)
        name = next((config.helpers[key] for key in keys if key in config.helpers), config.store)
        if not name:
            return []
        try:
            asked = DOCKER_HUB_KEY if hub else registry
            credentials = await ask_helper(name, asked, child_environment())
        except ArgoexecError as exc:
            _note(exc, problems)
            return []
        return [Login(registry, credentials, f"docker-credential-{name}")] if credentials else []


def _note(fault: ArgoexecError, problems: list[str]) -> None:
    _log.warning("a source of logins for registries fails: %s", fault.message)
    problems.append(fault.message)
