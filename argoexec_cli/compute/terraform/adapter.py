"""Terraform for one fleet: prepared, planned, applied, asked; nothing else runs the program."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from argoexec_cli import journal, proc
from argoexec_cli.compute.events import OnStep, State, Step
from argoexec_cli.compute.models import FleetSpec, HostRecord, HostState, Plan
from argoexec_cli.compute.refusals import to_error
from argoexec_cli.compute.terraform.commands import PLAN_FILE, Commands
from argoexec_cli.compute.terraform.module import need_configuration, write_configuration
from argoexec_cli.compute.terraform.stream import Stream, host_of
from argoexec_cli.compute.terraform.version import check_version
from argoexec_cli.errors import ArgoexecError, CapacityError, TimedOutError

_QUESTION_S: Final = 60.0
_INIT_S: Final = 600.0
_RUN_S: Final = 7200.0
# After Ctrl-C, Terraform lets what is being created come to its end, so that its state knows it.
_GRACE_S: Final = 900.0
_DIFFERS: Final = 2
_JOURNAL: Final = "terraform.jsonl"
_EARLIER: Final = "wait for the Terraform of an earlier run"
# Variables of a user's own Terraform projects, which would change what ours does.
_DROPPED: Final = ("TF_CLI_ARGS", "TF_VAR_", "TF_WORKSPACE", "TF_DATA_DIR")


class Terraform:
    """One fleet's Terraform. Its calls must not overlap; `compute.lock` keeps other runs away.

    Cancelling a call sends Terraform one SIGINT and waits until it has ended: what was being
    created is finished and recorded, and the same calls, made again, continue. When this process is
    killed, Terraform comes to its own end, which the next `init` waits for. Steps of source
    `terraform` are told while it works. Errors are those of `compute.refusals`: no credentials and
    denied (exit code 6), no capacity or quota (7), unknown image (3), a wrong value (2), …
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], on_step: OnStep) -> None:
        """Use `open`, which also looks for the program."""
        self._directory = directory
        self._environment = _environment(environment)
        self._on_step = on_step
        self._commands = Commands()

    @classmethod
    async def open(
        cls, directory: Path, environment: Mapping[str, str], on_step: OnStep
    ) -> Terraform:
        """Find Terraform for the fleet in *directory*, which need not exist yet.

        *environment* is what Terraform gets, credentials included: `config.load.child_environment`.
        Raises `PreconditionError` when Terraform is missing or too old.
        """
        terraform = cls(directory, environment, on_step)
        await check_version(terraform._commands.version(), terraform._environment)
        return terraform

    async def init(self, spec: FleetSpec) -> None:
        """Write the fleet's configuration for *spec* and prepare the directory; repeatable.

        Needs the provider's registry only the first time. Waits first for what an earlier run,
        killed meanwhile, has still at work here.
        """
        await self._outwait()
        write_configuration(self._directory, spec.check())
        self._told("prepare", "started")
        done = await self._run(self._commands.init(), _INIT_S)
        if done.exit_code:
            self._told("prepare", "failed")
            raise to_error((), (done.stderr or done.stdout).decode(errors="replace"))
        self._told("prepare", "done")

    async def plan(self, *, destroy: bool = False, replace: Sequence[str] = ()) -> Plan:
        """Find out what `apply` would do. Reads the cloud, changes nothing in it.

        *replace* are hosts' names whose instances are to be made anew though Terraform sees
        nothing wrong with them. With *destroy*, the plan removes everything.
        """
        self._told("plan", "started")
        addresses = await self._addresses(replace)
        argv = self._commands.plan(destroy=destroy, replace=addresses)
        stream, code = await self._stream(argv, "plan", accepted=(0, _DIFFERS))
        self._told("plan", "done")
        applies = code == _DIFFERS
        return Plan(changes=tuple(stream.changes), destroys=destroy, applies=applies)

    async def apply(self, plan: Plan) -> None:
        """Do what the last `plan` said, which *plan* must be; its file is gone afterwards.

        A failure leaves made what was made, and recorded: plan and apply again to continue.
        """
        try:
            if plan.applies:
                await self._stream(self._commands.apply(), "apply", accepted=(0,))
        finally:
            (self._directory / PLAN_FILE).unlink(missing_ok=True)

    async def destroy(self) -> Plan:
        """Remove everything that the state knows, and return what that was; repeatable."""
        plan = await self.plan(destroy=True)
        await self.apply(plan)
        return plan

    async def hosts(self) -> tuple[HostRecord, ...]:
        """Return the hosts as the last apply left them, in order; none when there was no apply.

        Asks nobody but the state: what has happened to an instance since, `compute.aws` knows.
        """
        done = await self._run(self._commands.output(), _QUESTION_S)
        if done.exit_code:
            raise to_error((), done.stderr.decode(errors="replace"))
        outputs = json.loads(done.stdout or b"{}")
        return tuple(_host(each) for each in outputs.get("hosts", {}).get("value", ()))

    async def _outwait(self) -> None:
        """Wait until no Terraform of an earlier run works here, and tell what it does meanwhile."""
        path = self._directory / _JOURNAL
        if not journal.held(path):
            return
        self._told(_EARLIER, "started")
        self._told(_EARLIER, "waiting", "its argoexec was killed, its work goes on")
        try:
            async with asyncio.timeout(_RUN_S):
                await journal.follow(
                    path, lambda: not journal.held(path), Stream(self._on_step).feed
                )
        except TimeoutError as exc:
            raise TimedOutError(
                f"an earlier run's terraform still works in {self._directory}",
                hint=f"look at what it waits for: tail {path}",
            ) from exc
        self._told(_EARLIER, "done")

    async def _addresses(self, hosts: Sequence[str]) -> list[str]:
        """Return where the instances of *hosts* are in the state."""
        if not hosts:
            return []
        done = await self._run(self._commands.state_list(), _QUESTION_S)
        found = done.stdout.decode(errors="replace").splitlines()
        return [line for line in found if host_of(line) in hosts]

    async def _stream(
        self, argv: list[str], action: str, *, accepted: tuple[int, ...]
    ) -> tuple[Stream, int]:
        stream = Stream(self._on_step)
        done = await self._run(argv, _RUN_S, stream)
        stream.close()
        if done.exit_code not in accepted:
            error = self._error(stream, done)
            self._told(action, "failed", error.message)
            raise error
        return stream, done.exit_code

    def _error(self, stream: Stream, done: proc.Finished) -> ArgoexecError:
        """Return why it failed. A full disk keeps it from saying anything, and from its state."""
        if not (stream.errors or done.stderr) and not shutil.disk_usage(self._directory).free:
            return CapacityError(
                f"terraform has no room: the disk of {self._directory} is full",
                hint="make room: df -h; then run the same command again",
            )
        return to_error(stream.errors, done.stderr.decode(errors="replace"))

    async def _run(
        self, argv: list[str], timeout_s: float, stream: Stream | None = None
    ) -> proc.Finished:
        need_configuration(self._directory)
        child = proc.Child(
            argv,
            timeout_s,
            env=self._environment,
            cwd=self._directory,
            grace_s=_GRACE_S,
            stop_signal=signal.SIGINT,
            journal=self._directory / _JOURNAL if stream else None,
        )
        return await proc.run(child, on_stdout=stream.feed if stream else None)

    def _told(self, action: str, state: State, detail: str = "") -> None:
        self._on_step(Step(source="terraform", action=action, state=state, detail=detail))


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if not name.startswith(_DROPPED)}
    return {**kept, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


def _state(given: object) -> HostState:
    return next((state for state in get_args(HostState) if state == given), "unknown")


def _host(output: Mapping[str, Any]) -> HostRecord:
    return HostRecord(
        name=str(output["name"]),
        id=str(output.get("id") or ""),
        state=_state(output.get("state")),
        private_ip=str(output.get("private_ip") or ""),
        public_ip=str(output.get("public_ip") or ""),
        availability_zone=str(output.get("availability_zone") or ""),
        ssh_user=str(output.get("ssh_user") or ""),
    )
