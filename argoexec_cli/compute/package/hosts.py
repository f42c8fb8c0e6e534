"""Which package each host needs: with `--offline` that depends on its Python and its processor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from argoexec_cli.compute.package.archive import Package, build_package
from argoexec_cli.compute.package.wheelhouse import PythonTarget
from argoexec_cli.errors import UnavailableError
from argoexec_cli.models.connection import Ssh
from argoexec_cli.proc import Child, run
from argoexec_cli.rpc.tunnel import ssh_arguments

_LIMIT_S: Final = 30.0
_OPTIONS: Final = ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10")
# The same choice as the role argoexec makes.
_ASK: Final = """\
. /etc/os-release
case " $ID $ID_LIKE " in
  *" rhel "*|*" fedora "*|*" amzn "*|*" centos "*) echo 3.11 ;;
  *) python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' ;;
esac
uname -m
"""


async def packages_for(
    logins: Mapping[str, Ssh | None],
    cache: Path,
    environment: Mapping[str, str],
    *,
    offline: bool = False,
) -> dict[str, Package]:
    """Return the package for each host by its name; None is this machine.

    Repeatable and cheap when nothing has changed. Raises what `build_package` does, and
    `UnavailableError` when a host cannot say what Python it has.
    """
    if not offline:
        package = await build_package(cache, environment)
        return dict.fromkeys(logins, package)
    answers = await asyncio.gather(*(_python_of(login) for login in logins.values()))
    built = {
        target: await build_package(cache, environment, offline=target)
        for target in dict.fromkeys(answers)
    }
    return {name: built[target] for name, target in zip(logins, answers, strict=True)}


async def _python_of(login: Ssh | None) -> PythonTarget:
    where, argv = "this machine", ["sh", "-s"]
    if login is not None:
        options = [word for option in _OPTIONS for word in ("-o", option)]
        where, argv = login.host, ["ssh", "-T", *options, *ssh_arguments(login), "sh -s"]
    done = await run(Child(argv, _LIMIT_S, stdin=_ASK.encode()))
    words = done.stdout.decode(errors="replace").split()
    if done.exit_code or len(words) != 2:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        text = f"{where} does not say what Python it has: {said or 'no answer'}"
        raise UnavailableError(text, hint="there: python3 --version")
    return PythonTarget(*words)
