"""What a person wants registered. Images, names and limits that routes share."""

from __future__ import annotations

from typing import Final, NamedTuple

from argoexec_cli import __version__

DEFAULT_IMAGE: Final = f"argoexec:{__version__}"
PLUGIN_NAME: Final = "argoexec"
PLUGIN_PORT: Final = 4355
AGENT_NAME: Final = "argoexec-agent"
CLIENT_SECRET: Final = "argoexec-client"  # noqa: S105 - the name of an object
USER_ID: Final = 8737
"""The user of Argo's own images, and of ours."""


class ClientFiles(NamedTuple):
    """PEM texts with which plugin and agent show who they are; empty ones are not used."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def __repr__(self) -> str:
        """Hide the key."""
        return "ClientFiles(…)"

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return any(self)


class Wanted(NamedTuple):
    """One registration. `namespaces` are those in which workflows run, with their `account`."""

    endpoint: str
    image: str = DEFAULT_IMAGE
    namespaces: tuple[str, ...] = ()
    account: str = "default"
    files: ClientFiles = ClientFiles()
    enable_plugins: bool = False
    deploy: bool = False
