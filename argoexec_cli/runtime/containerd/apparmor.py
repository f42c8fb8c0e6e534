"""AppArmor's profile of containers: containerd confines only what its plugin `cri` starts, so ours
is loaded here.

It takes back what a process with a container's capabilities could still do to the host through
files of the kernel, should these be mounted where they can be written.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Final

from argoexec_cli.errors import ArgoexecError
from argoexec_cli.proc import Child, run

_log = logging.getLogger(__name__)

PROFILE: Final = "argoexec-default"
_ENABLED: Final = Path("/sys/module/apparmor/parameters/enabled")
_LOADED: Final = Path("/sys/kernel/security/apparmor/profiles")
_PATH: Final = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
_LIMIT_S: Final = 60.0
# The engine's programs run unconfined, or under a profile of their name where a distribution has
# one (Ubuntu 24.04): they, and nobody else outside, may send signals.
_TEXT: Final = f"""
profile {PROFILE} flags=(attach_disconnected,mediate_deleted) {{
  capability,
  file,
  network,
  umount,
  deny mount,

  signal (receive) peer=unconfined,
  signal (receive) peer={{runc,crun,containerd-shim*}},
  signal (send,receive) peer={PROFILE},
  ptrace (trace,read,tracedby,readby) peer={PROFILE},

  deny /proc/* w,
  deny /proc/[^1-9s]*/** w,
  deny /proc/s[^ey]*/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/[^s]** w,
  deny /proc/sys/kernel/s[^h]** w,
  deny /proc/{{kcore,sysrq-trigger}} rwklx,

  deny /sys/{{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}}/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/{{firmware,kernel/security,devices/virtual/powercap}}/** rwklx,
}}
"""


async def load_profile() -> str:
    """Have the kernel know the profile; return its name, or nothing where AppArmor is not in use.

    Where it is but cannot be told, containers run without it, as containerd's own do, and the log
    says so. Repeatable; the latest text wins, also for what runs.
    """
    if _read(_ENABLED).strip() != "Y":
        return ""
    parser = shutil.which("apparmor_parser", path=_PATH)
    if parser is None:
        _log.warning(
            "containers run without AppArmor: apparmor_parser is missing: apt install apparmor"
        )
        return ""
    child = Child([parser, "--replace", "--skip-cache"], _LIMIT_S, stdin=_TEXT.encode())
    try:
        (await run(child)).check()
    except ArgoexecError as exc:
        if f"{PROFILE} (enforce)" in _read(_LOADED):  # by a process before us, that was allowed to
            return PROFILE
        _log.warning("containers run without AppArmor: %s: %s", exc.message, exc.hint)
        return ""
    return PROFILE


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
