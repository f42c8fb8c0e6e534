"""What a cancelled run left behind: the task that it was in goes on, here or on other machines.

Each run marks what it starts by a variable in the environment; what has the mark is ended, over SSH
where it is elsewhere. Here it is Ansible's workers, each in a session of its own.
A package manager is left to finish: cut off half-way it would leave a host that cannot be
configured again, and the next run waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from argoexec_cli.errors import ArgoexecError
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, run
from argoexec_cli.rpc.tunnel import ssh_arguments

MARK: Final = "ARGOEXEC_RUN"
LIMIT_S: Final = 30.0
_OPTIONS: Final = ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=5")
_END: Final = r"""
mark=$1
marked=
for process in /proc/[0-9]*; do
  grep -qzx "$mark" "$process/environ" 2>/dev/null || continue
  case $(cat "$process/comm" 2>/dev/null) in
    apt*|dpkg*|dnf*|yum*|rpm*) exit 0 ;;
  esac
  marked="$marked ${process#/proc/}"
done
[ -z "$marked" ] || kill -TERM $marked 2>/dev/null || true
"""


async def end_leftovers(logins: Sequence[Ssh | None], run_id: str) -> None:
    """End what run *run_id* left on these hosts, each within `LIMIT_S`; never raises for a host.

    None is this machine.
    """
    await asyncio.gather(*(_end(login, run_id) for login in logins))


async def _end(login: Ssh | None, run_id: str) -> None:
    command = f"sh -s {MARK}={run_id}"
    if login is None:
        argv = command.split()
    else:
        options = [word for option in _OPTIONS for word in ("-o", option)]
        become = "" if login.user == "root" else "sudo -n "
        argv = ["ssh", "-T", *options, *ssh_arguments(login), become + command]
    try:
        await run(Child(argv, LIMIT_S, stdin=_END.encode()))
    except ArgoexecError:
        return
