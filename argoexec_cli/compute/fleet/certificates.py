"""Certificates on their way to hosts: by SSH itself, so that nothing else ever holds a key."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from argoexec_cli.aio import to_the_end
from argoexec_cli.compute.events import OnStep, told
from argoexec_cli.compute.fleet.configure import as_root, last_words
from argoexec_cli.compute.fleet.record import Host
from argoexec_cli.compute.trust.authority import CA_CERT
from argoexec_cli.compute.trust.fleet import CERT, KEY
from argoexec_cli.errors import PreconditionError
from argoexec_cli.models.connection import Ssh

_DIRECTORY: Final = "/etc/argoexec/tls"
_LIMIT_S: Final = 60.0
# It comes by stdin, as no key may be among the arguments of a program.
_SCRIPT: Final = """\
set -eu
umask 077
mkdir -p {directory}
cd {directory}
put() {{
  base64 -d >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}}
"""
_FILE: Final = "put {name} <<END\n{content}\nEND\n"


async def bring_certificates(
    hosts: Sequence[Host],
    logins: Mapping[str, Ssh | None],
    files: Mapping[str, Path],
    on_step: OnStep,
) -> None:
    """Have each of *hosts* hold what is in its directory of *files*; `logins` and both by name.

    Repeatable. A daemon that runs goes on, and uses them from then on. When one host refuses them
    the others get theirs first; `PreconditionError` says why.
    """
    await to_the_end(
        *(_bring(host.name, logins[host.name], files[host.name], on_step) for host in hosts)
    )


async def _bring(name: str, login: Ssh | None, directory: Path, on_step: OnStep) -> None:
    script = _SCRIPT.format(directory=_DIRECTORY)
    for file in (KEY, CERT, CA_CERT):
        content = base64.b64encode((directory / file).read_bytes()).decode()
        script += _FILE.format(name=file, content=content)
    with told(on_step, "daemon", "bring certificates", name):
        done = await as_root(login, "sh -s", script.encode(), timeout_s=_LIMIT_S)
        if done.exit_code:
            raise PreconditionError(
                f"{name}: it does not take its certificates: {last_words(done)}",
                hint=f"see that root can write {_DIRECTORY} there, then run this again",
            )
