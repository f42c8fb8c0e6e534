"""One run of a playbook by ansible-runner, in a private directory that is gone afterwards.

ansible-runner keeps what it is told (variables, environment, options) in its directory and uses it
again at the next run in the same place, so no two runs share one.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from argoexec_cli.aio import Cleanups
from argoexec_cli.compute.ansible.inventory import Hosts, LateInventory
from argoexec_cli.compute.ansible.leftovers import LIMIT_S, MARK, end_leftovers
from argoexec_cli.compute.ansible.playbooks import find_program
from argoexec_cli.compute.connection import close
from argoexec_cli.scratch import scratch

Event = dict[str, Any]
OnEvent = Callable[[Event], None]

_FORKS: Final = 50
# A thousand looks a second for results that take seconds would cost half a processor.
# An inventory is a program here, and a file where none may run: no plugins for other kinds.
_SETTINGS: Final = """\
[defaults]
internal_poll_interval = 0.01
[inventory]
enable_plugins = ansible.builtin.script, ansible.builtin.yaml
"""
# So often ansible-runner looks whether it is to stop; left to itself, each five seconds.
_CANCEL_LOOK_S: Final = 0.5
# Nothing there needs them, and ansible-runner writes its environment to files, which stay when
# this process is killed.
_SECRETS: Final = re.compile(r"^AWS_|SECRET|TOKEN|PASSW|CREDENTIAL|API_?KEY|PRIVATE_KEY|_PEM$")
_SSH_ARGS: Final = (
    "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=15 "
    "-o ServerAliveCountMax=4 -o PreferredAuthentications=publickey"
)


class Play(NamedTuple):
    """What is played where. Neither variables nor environment may hold a secret.

    While *hosts* is awaited, Ansible starts; what it raises is the end of the run.
    """

    playbook: Path
    hosts: Callable[[], Awaitable[Hosts]]
    variables: Mapping[str, Any]
    environment: Mapping[str, str]


class Failure(NamedTuple):
    """Why a host was given up: the task, what it said, and whether the host could be reached."""

    host: str
    task: str
    message: str
    reached: bool = True


class Outcome(NamedTuple):
    """How a run ended. `changed` counts the changes of each host that was gone through."""

    good: bool
    status: str
    failures: tuple[Failure, ...]
    changed: Mapping[str, int]
    words: str


async def play(what: Play, on_event: OnEvent) -> Outcome:
    """Play it to its end; *on_event* hears every event in the thread of this loop.

    Cancelling ends Ansible here; what it started on other machines is theirs to end. A run that
    fails is an outcome, no error. `PreconditionError` when Ansible is not installed.
    """
    # ansible-runner looks for it on the PATH, where a virtual environment need not be.
    path = f"{find_program().parent}:{what.environment.get('PATH', os.defpath)}"
    stop, loop = threading.Event(), asyncio.get_running_loop()
    listener = _Listener(lambda event: loop.call_soon_threadsafe(on_event, event))
    hosts = asyncio.ensure_future(what.hosts())
    with (
        scratch("argoexec-ansible-") as directory,
        LateInventory(directory) as inventory,
    ):
        run_id = directory.name
        settings = {
            "private_data_dir": str(directory),
            "playbook": str(what.playbook),
            "inventory": str(inventory.program),
            "extravars": dict(what.variables),
            "envvars": {
                **_without_secrets(what.environment),
                **_environment(directory),
                "PATH": path,
                MARK: run_id,
            },
            "forks": _FORKS,
            "quiet": True,
            # In files it would need hosts whose names are names of files.
            "fact_cache_type": "memory",
            "settings": {"pexpect_timeout": _CANCEL_LOOK_S},
            "cancel_callback": stop.is_set,
            "event_handler": listener.hear,
            "status_handler": _drop_secrets,
        }
        if not inventory.usable:
            settings["inventory"] = {"all": {"hosts": await hosts}}
        running = asyncio.ensure_future(asyncio.to_thread(_run, settings))
        try:
            inventory.tell(await hosts)
            status = await asyncio.shield(running)
        except BaseException:
            hosts.cancel()
            stop.set()
            await asyncio.gather(running, return_exceptions=True)
            await Cleanups().run(end_leftovers([None], run_id), limit_s=LIMIT_S + 2)
            raise
        finally:
            await close(directory / "cp")
    return listener.outcome(status)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environment.items() if not _SECRETS.search(name)}


def _drop_secrets(_status: object, runner_config: Any) -> None:
    """Have Ansible not inherit them from this process either; called before it is started."""
    runner_config.env = _without_secrets(runner_config.env)


def _environment(directory: Path) -> dict[str, str]:
    # Neither the working directory's nor the user's.
    (directory / "ansible.cfg").write_text(_SETTINGS)
    return {
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": _SSH_ARGS,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
        "ANSIBLE_SSH_RETRIES": "2",
        "ANSIBLE_SSH_USETTY": "False",
        "ANSIBLE_TIMEOUT": "20",
    }


def _run(settings: dict[str, Any]) -> str:
    import ansible_runner

    return str(ansible_runner.run(**settings).status)


class _Listener:
    """Keeps of the events what the end of the run is told with."""

    def __init__(self, pass_on: Callable[[Event], object]) -> None:
        self._pass_on = pass_on
        self._last: dict[str, Failure] = {}
        self._stats: dict[str, dict[str, int]] = {}
        self._words: list[str] = []

    def hear(self, event: Event) -> bool:
        """Take one event; must not raise, and must say True, or ansible-runner forgets it."""
        data = event.get("event_data") or {}
        kind, host = str(event.get("event", "")), str(data.get("host", ""))
        if kind in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
            message = explain(data.get("res") or {})
            reached = kind == "runner_on_failed"
            self._last[host] = Failure(host, str(data.get("task", "")), message, reached)
        elif kind == "playbook_on_stats":
            self._stats = {key: value for key, value in data.items() if isinstance(value, dict)}
        elif kind in ("verbose", "error", "warning") and event.get("stdout"):
            self._words.append(str(event["stdout"]))
        self._pass_on(event)
        return True

    def outcome(self, status: str) -> Outcome:
        """Return how it ended. A failure that a playbook rescued is none."""
        lost = {**self._stats.get("failures", {}), **self._stats.get("dark", {})}
        failures = tuple(failure for host, failure in self._last.items() if lost.get(host))
        changed = {host: self._stats.get("changed", {}).get(host, 0) for host in self._hosts()}
        words = " ".join(" ".join(self._words).split())
        return Outcome(status == "successful", status, failures, changed, words)

    def _hosts(self) -> list[str]:
        return sorted({host for counts in self._stats.values() for host in counts})


def explain(result: Mapping[str, Any]) -> str:
    """Return in one line what a task's result says of its failure."""
    parts = [str(result.get("msg", "") or "")]
    if result.get("rc"):
        parts.append(str(result.get("stderr") or result.get("stdout") or ""))
    parts.append(str(result.get("module_stderr") or "") if result.get("failed") else "")
    text = " ".join(" ".join(part for part in parts if part).split())
    return text or ("its result is kept secret" if "censored" in result else "it did not say why")
