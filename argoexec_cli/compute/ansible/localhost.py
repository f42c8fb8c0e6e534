"""A playbook for this machine, as `argoexec demo` needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from argoexec_cli.compute.ansible.inventory import Hosts
from argoexec_cli.compute.ansible.playbooks import find_playbook
from argoexec_cli.compute.ansible.run import Event, Play, play
from argoexec_cli.errors import PreconditionError

Tell = Callable[[str], None]

# The Python that runs Ansible is known to work; discovery may find a version manager's shim.
_HOSTS: Final = {
    "localhost": {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
}


async def play_on_localhost(
    name: str, variables: Mapping[str, Any], environment: Mapping[str, str], tell: Tell
) -> None:
    """Apply a playbook to this machine, telling of each task that changes something.

    Repeatable, as the playbooks are. Cancelling ends ansible. `PreconditionError` when ansible is
    not installed or a task fails, with that task's message.
    """

    def on_event(event: Event) -> None:
        data = event.get("event_data") or {}
        if event.get("event") == "runner_on_ok" and (data.get("res") or {}).get("changed"):
            tell(str(data.get("task", "")))

    playbook = find_playbook(name)
    outcome = await play(Play(playbook, _hosts, variables, environment), on_event)
    if outcome.good:
        return
    text = outcome.words or f"ansible ended with {outcome.status}"
    if outcome.failures:
        last = outcome.failures[-1]
        text = f"{last.task}: {last.message}"
    raise PreconditionError(
        f"configuring this machine failed: {' '.join(text.split())[:500]}",
        hint=f"ansible-playbook -i localhost, -c local {playbook}",
    )


async def _hosts() -> Hosts:
    return _HOSTS
