"""What a client may do: the role that its certificate names in a URI."""

from enum import IntEnum
from typing import Final

ROLE_URI: Final = "urn:argoexec:role:"
"""A client's certificate has the subjectAltName `URI:urn:argoexec:role:ROLE`."""


class Role(IntEnum):
    """Each role may also do what the ones before it may."""

    READ = 1
    """Look: pods, runs, logs, health."""

    SUBMIT = 2
    """Run, stop and delete pods and runs."""

    ADMIN = 3
    """Everything, entering containers included."""

    @property
    def uri(self) -> str:
        """The name that gives this role to a certificate."""
        return f"{ROLE_URI}{self.name.lower()}"


def role_of(uris: list[str]) -> Role | None:
    """Return the highest role among a certificate's URIs; None when there is none."""
    return max((role for role in Role if role.uri in uris), default=None)
