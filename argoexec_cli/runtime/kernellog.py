"""The kernel's own word on processes that it killed for want of memory.

Engines learn of such a kill by watching the container's control group, and where systemd removes
that together with the last process, or the machine is busy, they look too late and never hear of
it. The kernel writes every kill down before it kills: who has seen the end can read it there.
"""

from __future__ import annotations

import logging
import os
import re
import weakref
from collections import deque
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)
_RECORD_BYTES: Final = 8192  # the most that the kernel gives at once, and it gives no part of one
_VICTIM: Final = re.compile(rb"task_memcg=([^\s,]+)")
_REMEMBERED: Final = 4096


class KernelLog:
    """Reads the log from as far back as the kernel has it; what it finds it remembers."""

    def __init__(self, path: Path = Path("/dev/kmsg")) -> None:
        """Open it. Without the right to read it (CAP_SYSLOG) nothing is ever found."""
        self._groups: deque[str] = deque(maxlen=_REMEMBERED)
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            _log.debug("the kernel's log cannot be read: %s", exc.strerror)
        else:
            weakref.finalize(self, os.close, self._file)

    def killed_in(self, container: str) -> bool:
        """Tell whether a process was killed in the control group that is named after *container*.

        That it knows of none says little: of many kills at once the kernel names only some.
        """
        self._read()
        return any(_is_of(part, container) for group in self._groups for part in group.split("/"))

    def _read(self) -> None:
        while self._file is not None:
            try:
                record = os.read(self._file, _RECORD_BYTES)
            except BrokenPipeError:  # the oldest were overwritten meanwhile: the next read goes on
                continue
            except OSError:  # nothing more is there
                return
            if not record:
                return
            self._groups.extend(match.decode() for match in _VICTIM.findall(record))


def _is_of(part: str, container: str) -> bool:
    """Compare a part of a group's path, such as `docker-ID.scope`, `ID`, `argoexec-ID.scope`."""
    name = part.removesuffix(".scope")
    return name == container or name.endswith(f"-{container}")
