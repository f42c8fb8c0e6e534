"""The project's Ansible playbooks, applied to this machine through ansible-runner."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from argoexec_cli.errors import PreconditionError

Tell = Callable[[str], None]
_PACKAGE: Final = Path(__file__).parents[1]
_PLACES: Final = (_PACKAGE / "_share" / "ansible", _PACKAGE.parent / "ansible")

# The Python that runs Ansible is known to work; discovery may find a version manager's shim.
_INVENTORY: Final = (
    'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"'
)


def find_playbook(name: str) -> Path:
    """Return the playbook *name*, from the installed package or from a checkout."""
    for place in _PLACES:
        path = place / "playbooks" / name
        if path.exists():
            return path
    raise PreconditionError(
        f"the playbook {name} is not part of this installation", hint="pip install --force argoexec"
    )


async def play_on_localhost(
    name: str, variables: Mapping[str, Any], environment: Mapping[str, str], tell: Tell
) -> None:
    """Apply a playbook to this machine, telling of each task that changes something.

    Repeatable, as the playbooks are. Cancelling ends ansible. `PreconditionError` when ansible is
    not installed or a task fails, with that task's message.
    """
    program = Path(sys.executable).with_name("ansible-playbook")
    if not program.exists():
        raise PreconditionError("ansible is not installed", hint="pip install 'argoexec[ansible]'")
    playbook = find_playbook(name)
    # ansible-runner looks for it on the PATH, where a virtual environment need not be.
    path = f"{program.parent}:{environment.get('PATH', os.defpath)}"
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="argoexec-ansible-") as directory:
        settings = {
            "private_data_dir": directory,
            "playbook": str(playbook),
            "inventory": _INVENTORY,
            "extravars": dict(variables),
            "envvars": {**environment, "PATH": path, "ANSIBLE_NOCOWS": "1"},
            "quiet": True,
            "cancel_callback": stop.is_set,
        }
        running = asyncio.ensure_future(asyncio.to_thread(_run, settings, tell))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(running, return_exceptions=True)
            raise


def _run(settings: dict[str, Any], tell: Tell) -> None:
    import ansible_runner

    failures: list[str] = []

    def on_event(event: dict[str, Any]) -> bool:
        data = event.get("event_data") or {}
        result = data.get("res") or {}
        if event.get("event") == "runner_on_ok" and result.get("changed"):
            tell(str(data.get("task", "")))
        if event.get("event") == "runner_on_failed" and not data.get("ignore_errors"):
            failures.append(f"{data.get('task', '')}: {result.get('msg', 'failed')}")
        return True

    done = ansible_runner.run(event_handler=on_event, **settings)
    if done.rc != 0:
        text = failures[-1] if failures else f"ansible ended with {done.status}"
        raise PreconditionError(
            f"configuring this machine failed: {' '.join(text.split())[:500]}",
            hint=f"ansible-playbook -i localhost, -c local {settings['playbook']}",
        )
