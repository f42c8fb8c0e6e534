"""A fleet on EC2: Terraform makes and ends it, and the EC2 API says what Terraform does not see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from argoexec_cli.compute.aws import instances, inventory, prices, removal
from argoexec_cli.compute.aws.account import Account, open_account
from argoexec_cli.compute.aws.network import zones_offering
from argoexec_cli.compute.aws.preflight import preflight
from argoexec_cli.compute.events import OnStep, State, Step
from argoexec_cli.compute.fleet.compute import Preview
from argoexec_cli.compute.fleet.record import Fleet, Host
from argoexec_cli.compute.fleet.ssh import find_program
from argoexec_cli.compute.fleet.store import Place
from argoexec_cli.compute.models import Finding, FleetSpec, HostRecord, Plan, Resource
from argoexec_cli.compute.terraform.adapter import Terraform
from argoexec_cli.compute.terraform.module import CONFIGURATION
from argoexec_cli.config.settings import Settings
from argoexec_cli.errors import DataLossError, PreconditionError, TimedOutError
from argoexec_cli.models.connection import Ssh

_RUNNING: Final = "wait until it runs"
_RUNNING_S: Final = 300.0
_PAUSE_S: Final = 1.0


class Surroundings(NamedTuple):
    """What AWS and Terraform are told of where they run: settings, and Terraform's environment."""

    settings: Settings
    environment: Mapping[str, str]


class AwsCompute:
    """See `Compute`. Terraform's directory is a part of the fleet's, which the caller holds."""

    def __init__(self, fleet: Fleet, place: Place, around: Surroundings, on_step: OnStep) -> None:
        """Open nothing yet. *fleet* must have a `spec`."""
        if fleet.spec is None:
            raise ValueError(f"the fleet {fleet.name} is not one of AWS")
        self._fleet = fleet
        self._spec: FleetSpec = msgspec.structs.replace(
            fleet.spec, endpoint_url=around.settings.aws_endpoint_url.value
        )
        self._place = place
        self._around = around
        self._on_step = on_step
        self._account: Account | None = None
        self._plan: tuple[Terraform, Plan] | None = None

    async def preflight(self) -> tuple[Finding, ...]:
        """Look at Terraform's version, SSH, credentials, region, quota, image and subnet."""
        await self._terraform()
        tools = await find_program()
        return (tools, *await preflight(await self._open(), self._spec))

    async def plan(self) -> Preview:
        """Plan with Terraform, and look for hosts that were stopped."""
        terraform = await self._terraform()
        await self._choose_zone()
        await terraform.init(self._spec)
        plan = await terraform.plan()
        self._plan = terraform, plan
        stopped = [host.name for host in await self._living() if host.state == "stopped"]
        price = prices.hourly(self._spec)
        note = f"list prices of {prices.AS_OF}"
        if price is None:
            where = f"{self._spec.instance_type} in {self._spec.region}"
            note = f"not known: {where} is not among the {note}"
        return Preview(
            changes=plan.changes,
            repairs=tuple(stopped),
            hourly_low=price.low if price else None,
            hourly_high=price.high if price else None,
            price_note=note,
        )

    async def apply(self) -> tuple[Host, ...]:
        """Do what was planned, start what was stopped, end what no state knows."""
        if self._plan is None:
            raise ValueError("apply does what was planned")
        (terraform, plan), self._plan = self._plan, None
        await terraform.apply(plan)
        account = await self._open()
        if self._spec.spot:
            await instances.complete_spot(account, self._fleet.name, self._spec.owner)
        known = await terraform.hosts()
        if len(known) != self._spec.count:
            # Those that it leaves out would be ended as strays.
            raise PreconditionError(
                f"Terraform's state tells of {len(known)} hosts, not {self._spec.count}",
                hint="run the same command again; it continues",
            )
        ids = {host.id for host in known}
        await instances.terminate_instances(account, await self._strays(ids))
        running = await self._running(ids)
        return tuple(self._host(running[host.id]) for host in known)

    async def check_destroy(self) -> None:
        """See that Terraform is there, where it is needed, and that AWS knows who asks."""
        if self._configured:
            await self._terraform()
        await self._living()

    async def destroy(self, *, all_tagged: bool = False) -> None:
        """Have Terraform remove all that its state knows, and end instances of ours that it does
        not. What else has our tags may be another's fleet of the same name, made elsewhere.

        `DataLossError` for a state that is damaged, which *all_tagged* does without.
        """
        try:
            await self._destroy_known()
        except DataLossError:
            if not all_tagged:
                raise
        await instances.terminate_instances(await self._open(), await self._strays(set()))

        if all_tagged:
            await removal.remove(await self._open(), await self.leftovers())

    async def _destroy_known(self) -> None:
        if self._configured:
            terraform = await self._terraform()
            # Not what lies there: the last run may have been refused for what it wanted.
            await terraform.init(self._spec)
            await terraform.destroy()

    async def leftovers(self) -> tuple[Resource, ...]:
        """Ask AWS for everything with the fleet's tags."""
        account = await self._open()
        return tuple(await inventory.remaining(account, self._fleet.name, self._spec.owner))

    async def states(self) -> dict[str, HostRecord]:
        """Return what EC2 says of each host, by the host's name."""
        return {self._name(each.name): each for each in await self._living()}

    def login(self, host: Host) -> Ssh | None:
        """Return the login with the fleet's own key."""
        return Ssh(
            host=host.address,
            user=host.user,
            identity_file=str(self._place.ssh_key),
            known_hosts_file=str(self._place.known_hosts),
        )

    @property
    def _configured(self) -> bool:
        return (self._place.terraform / CONFIGURATION).exists()

    async def _choose_zone(self) -> None:
        """Have a subnet of ours made where the instance type is offered: AWS would take any zone.

        One that exists stays where it is, as Terraform does not look at its zone again.
        """
        spec = self._spec
        if spec.subnet_id or spec.availability_zone:
            return
        zones = await zones_offering(await self._open(), spec.instance_type)
        if zones:
            self._spec = msgspec.structs.replace(spec, availability_zone=zones[0])

    async def _running(self, ids: set[str]) -> dict[str, HostRecord]:
        """Return all of *ids* as soon as they run; what was stopped is started first."""
        deadline = time.monotonic() + _RUNNING_S
        waited: set[str] = set()
        while True:
            found = {host.id: host for host in await self._living() if host.id in ids}
            late = [host for host in found.values() if host.state != "running"]
            for name in waited - {host.name for host in late}:
                self._tell(name, "done")
            if not late and found.keys() == ids:
                return found
            stopped = [host.id for host in late if host.state == "stopped"]
            await instances.start_instances(await self._open(), stopped)
            for host in late:
                self._tell(host.name, "waiting" if host.name in waited else "started", host.state)
                waited.add(host.name)
            if time.monotonic() > deadline:
                names = (
                    ", ".join(f"{host.name} is {host.state}" for host in late) or "none is there"
                )
                raise TimedOutError(
                    f"not all hosts run after {_RUNNING_S:g} s: {names}",
                    hint=f"argoexec hosts {self._fleet.name}; then provision it again",
                )
            await asyncio.sleep(_PAUSE_S)

    async def _strays(self, ids: set[str]) -> list[str]:
        """Return our instances that Terraform's state does not know: their launch was cut off.

        What is older than the fleet is another's of the same name and owner, made elsewhere.
        """
        born = self._fleet.created
        return [
            host.id
            for host in await self._living()
            if host.id not in ids and host.launched_at is not None and host.launched_at >= born
        ]

    async def _living(self) -> list[HostRecord]:
        account = await self._open()
        return await instances.fleet_instances(account, self._fleet.name, self._spec.owner)

    def _host(self, found: HostRecord) -> Host:
        public = self._fleet.connect == "public"
        return Host(
            name=self._name(found.name),
            id=found.id,
            address=found.public_ip if public and found.public_ip else found.private_ip,
            private_ip=found.private_ip,
            public_ip=found.public_ip,
            user=self._spec.ssh_user,
            instance_type=found.instance_type,
            launched_at=found.launched_at,
        )

    def _name(self, name: str) -> str:
        return f"{self._fleet.name}/{name.rpartition('-')[2]}"

    async def _open(self) -> Account:
        if self._account is None:
            self._account = await open_account(self._around.settings, self._spec.region)
        return self._account

    async def _terraform(self) -> Terraform:
        environment = self._around.environment
        return await Terraform.open(self._place.terraform, environment, self._on_step)

    def _tell(self, name: str, state: State, detail: str = "") -> None:
        step = Step(
            source="boot", action=_RUNNING, state=state, subject=self._name(name), detail=detail
        )
        self._on_step(step)
