"""Certificates on their way to hosts: by SSH itself, so that nothing else ever holds a key."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from argoexec_cli.compute.events import OnStep, told
from argoexec_cli.compute.fleet.configure import as_root, last_words
from argoexec_cli.compute.trust.authority import CA_CERT
from argoexec_cli.compute.trust.fleet import CERT, KEY
from argoexec_cli.errors import PreconditionError, UnavailableError
from argoexec_cli.models.connection import Ssh
from argoexec_cli.rpc.tunnel import by_hand

_DIRECTORY: Final = "/etc/argoexec/tls"
_FILES: Final = (KEY, CERT, CA_CERT)
_LIMIT_S: Final = 60.0
# By stdin, as no key may be among the arguments of a program; all of it comes, or nothing is done.
_SCRIPT: Final = """\
set -eu
put() {{
  base64 -d >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
  chmod 600 "$1"
}}
main() {{
umask 077
mkdir -p {directory}
cd {directory}
chmod 700 .
{files}
}}
main
"""
_FILE: Final = "put {name} <<END\n{content}\nEND"


async def bring_certificates(
    name: str, login: Ssh | None, directory: Path, on_step: OnStep
) -> None:
    """Have the host *name* hold what is in *directory*; None is this machine.

    Repeatable. A daemon that runs goes on, and uses them from then on. `UnavailableError` where
    nobody, or somebody unknown, answers; `PreconditionError` when it does not take them.
    """
    files = (_FILE.format(name=each, content=_encoded(directory / each)) for each in _FILES)
    script = _SCRIPT.format(directory=_DIRECTORY, files="\n".join(files)).encode()
    with told(on_step, "daemon", "bring certificates", name):
        done = await as_root(login, "sh -s", script, timeout_s=_LIMIT_S, strict=True)
        if login is not None and done.exit_code == 255:
            raise UnavailableError(
                f"{name}: it does not answer over SSH: {last_words(done)}", hint=by_hand(login)
            )
        if done.exit_code:
            raise PreconditionError(
                f"{name}: it does not take its certificates: {last_words(done)}",
                hint=f"see that root can write {_DIRECTORY} there, then run this again",
            )


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
