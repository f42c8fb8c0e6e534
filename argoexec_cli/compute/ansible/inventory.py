"""An inventory that is told later, so that Ansible has started by the time that hosts are up."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

Hosts = Mapping[str, Mapping[str, Any]]
"""Every host's name, and its variables."""

_PROGRAM: Final = """\
#!/bin/sh
read -r _ <"$0.told"
exec cat "$0.json"
"""


class LateInventory:
    """A program, as Ansible takes in the place of a file, that waits until `tell` has been called.

    To be used as a context; whoever still waits for it afterwards is the caller's to end.
    """

    def __init__(self, directory: Path) -> None:
        """Write it into *directory*, which is nobody else's."""
        self.program = directory / "hosts"  # "inventory" is a directory of ansible-runner
        self.program.write_text(_PROGRAM)
        self.program.chmod(0o700)
        told = f"{self.program}.told"
        os.mkfifo(told, 0o600)
        # Both of its ends: neither to open it nor to write to it waits for the program.
        self._told = os.open(told, os.O_RDWR | os.O_NONBLOCK)

    @property
    def usable(self) -> bool:
        """Whether programs may be run from there: not where it is mounted `noexec`."""
        return os.access(self.program, os.X_OK)

    def tell(self, hosts: Hosts) -> None:
        """Have the program print these, now or as soon as it is run."""
        data = {"all": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
        Path(f"{self.program}.json").write_text(json.dumps(data))
        os.write(self._told, b"\n")

    def __enter__(self) -> Self:
        """Do nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        os.close(self._told)
