"""From a host that runs pods to a machine image of which others are made without an install.

What a host has for itself is taken out first, so that no two hosts ever share it, and no key or
certificate of the temporary host is in the image.
"""

from __future__ import annotations

from typing import Final

import msgspec

from argoexec_cli import __version__
from argoexec_cli.compute.aws import baked
from argoexec_cli.compute.aws.account import Account
from argoexec_cli.compute.events import State, Step
from argoexec_cli.compute.fleet.configure import as_root
from argoexec_cli.compute.fleet.provision import Tools
from argoexec_cli.compute.fleet.record import Fleet
from argoexec_cli.compute.models import OWNER_TAG, FleetSpec
from argoexec_cli.errors import PreconditionError

_SEAL_S: Final = 300.0
# The way in goes last: until then the same can be done again. Stopping keeps what engines have
# pulled; their containers go while they still run. The user data of a new host arms its own lease.
_SEAL: Final = r"""
set -eu
cd /
off() { systemctl disable --quiet --now "$@" 2>/dev/null || true; }
off argoexec.service argoexec-firewall.service argoexec-lease.timer
if command -v docker >/dev/null; then
  docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
  docker network prune --force >/dev/null
  systemctl stop docker.socket docker.service 2>/dev/null || true
  rm -f /etc/docker/key.json /var/lib/docker/engine-id
elif command -v ctr >/dev/null; then
  ctr --namespace k8s.io task list --quiet | while read -r task; do
    ctr --namespace k8s.io task delete --force "$task" >/dev/null || true
  done
  ctr --namespace k8s.io container list --quiet |
    xargs --no-run-if-empty ctr --namespace k8s.io container delete
fi
rm -rf /etc/argoexec /var/lib/argoexec /var/lib/argoexec-lease /run/argoexec
rm -f /etc/systemd/system/argoexec*.service /etc/systemd/system/argoexec*.timer
rm -f /usr/local/sbin/argoexec-lease
systemctl daemon-reload
if command -v cloud-init >/dev/null; then cloud-init clean --logs; fi
rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
rm -f /var/lib/dhcp/*
rm -f /root/.bash_history /home/*/.bash_history
journalctl --quiet --rotate --vacuum-time=1s 2>/dev/null || true
systemctl stop systemd-random-seed.service 2>/dev/null || true
rm -f /var/lib/systemd/random-seed /var/lib/dbus/machine-id
: >/etc/machine-id
rm -f /etc/ssh/ssh_host_*
rm -f /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
sync
"""


async def bake(fleet: Fleet, tools: Tools, account: Account) -> baked.BakedImage:
    """Make an image of the one host of *fleet*, which is good for nothing else afterwards.

    Repeatable: once the host is sealed, which the record says, only what is left is done.
    """
    if fleet.spec is None or len(fleet.hosts) != 1:
        raise ValueError(f"the fleet {fleet.name} is not one host on AWS")
    (host,) = fleet.hosts

    def tell(action: str, state: State, detail: str = "") -> None:
        tools.on_step(
            Step(source="boot", action=action, state=state, subject=host.name, detail=detail)
        )

    if fleet.phase != "sealed":
        tell(_SEALING, "started")
        await _seal(fleet, tools)
        tools.place.save(msgspec.structs.replace(fleet, phase="sealed"))
        tell(_SEALING, "done")
    tell(_STOPPING, "started")
    await baked.stop_instance(account, host.id)
    tell(_STOPPING, "done")
    tell(_IMAGING, "started")
    image = await baked.make_image(account, host.id, _tags(fleet, fleet.spec))
    made = await baked.wait_available(
        account, image, lambda state: tell(_IMAGING, "waiting", state)
    )
    tell(_IMAGING, "done", image)
    return made


_SEALING: Final = "take out what is its own"
_STOPPING: Final = "stop the host"
_IMAGING: Final = "make the image"


async def _seal(fleet: Fleet, tools: Tools) -> None:
    (host,) = fleet.hosts
    login = tools.compute.login(host)
    done = await as_root(login, "sh -s", _SEAL.encode(), timeout_s=_SEAL_S)
    if done.exit_code:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise PreconditionError(
            f"{host.name}: cannot be made ready for an image: {said}",
            hint="run the same command again, or give it up: argoexec destroy " + fleet.name,
        )


def _tags(fleet: Fleet, spec: FleetSpec) -> dict[str, str]:
    facts = {"os": spec.os, "runtime": fleet.runtime, "version": __version__}
    named = {baked.IMAGE_TAG: fleet.name, OWNER_TAG: spec.owner}
    return {**spec.tags, **named, **{baked.fact_tag(fact): text for fact, text in facts.items()}}
