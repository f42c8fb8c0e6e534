"""An EC2 whose instances are machines of the lab: moto in this process, with hooks.

What moto leaves out and the product relies on is added here, and nothing else: see `_Patches`.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self
from unittest.mock import patch

from tests.lab import network
from tests.lab.gaps import fillings
from tests.lab.images import add_images
from tests.lab.wishes import wishes

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"


class Host(Protocol):
    """What an instance is, seen from EC2. `tests.lab.machine.Machine` is one."""

    on_power_off: Callable[[], None]

    def serve_metadata(self, document: dict[str, Any]) -> None:
        """Have the metadata service answer from *document*."""

    def start(self) -> None:
        """Switch it on."""

    def power_off(self) -> None:
        """Switch it off; the disk stays."""

    def reboot(self) -> None:
        """Restart it from inside."""

    def remove(self) -> None:
        """Cut its power and throw the disk away."""

    def copy_disk(self, target: Path) -> None:
        """Write what is on its disk to a new directory; it must be off."""


class Refusal(NamedTuple):
    """An error that AWS answers a call with."""

    code: str
    message: str


class Ec2:
    """Use as a context manager: serving on loopback inside, without instances after it."""

    def __init__(self, make_host: Callable[..., Host] | None = None, *, v1: bool = True) -> None:
        """Without *make_host*, which gets an address, instances exist in the API only. For one of
        an image that was made here it also gets the directory that `Host.copy_disk` wrote.

        *v1* has the metadata service answer without a token, which containers' cloud-init needs.
        """
        self._refusals: dict[str, list[Refusal]] = {}
        self.quotas: dict[str, int] = {}  # by code; of others nobody knows anything
        self.hosts: dict[str, Host] = {}
        self.disks: dict[str, Path] = {}
        self._make_host = make_host
        self._v1 = v1
        self._lock = threading.Lock()
        self._closed = False
        self._server: Any = None
        self._patches: Any = None

    def __enter__(self) -> Self:
        """Start serving, with an empty account."""
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        self._patches = _patched(self)
        self._patches.__enter__()
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        _forget_everything()
        add_images(ACCOUNT, REGION)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving and remove all machines."""
        self._server.stop()
        self._closed = True
        with self._lock:
            hosts, self.hosts = self.hosts, {}
        for host in hosts.values():
            host.remove()
        for disk in self.disks.values():
            shutil.rmtree(disk)
        self._patches.__exit__(None, None, None)
        _forget_everything()
        add_images(ACCOUNT, REGION)  # for the one around this, if there is one

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to use it as AWS: an endpoint, a region, some credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def instances(self, *states: str) -> list[Any]:
        """Return moto's instances that are in one of *states*; without, all of them."""
        found = [
            instance
            for reservation in _backend().reservations.values()
            for instance in reservation.instances
        ]
        return [each for each in found if not states or each.state in states]

    def refuse(self, operation: str, *refusals: Refusal) -> None:
        """Answer the next calls of *operation* with these, one each; nothing: with none.

        Known are RunInstances and GetCallerIdentity.
        """
        with self._lock:
            self._refusals[operation] = list(refusals)

    def check(self, operation: str) -> None:
        """Refuse a call when a test has asked for that."""
        from moto.ec2.exceptions import EC2ClientError

        with self._lock:
            waiting = self._refusals.get(operation)
            refusal = waiting.pop(0) if waiting else None
        if refusal is not None:
            raise EC2ClientError(*refusal)

    def launched(self, instance: Any) -> None:
        """Make the machine of a new instance, in the background as EC2 does."""
        if self._make_host is not None:
            threading.Thread(target=self._launch, args=(instance,), daemon=True).start()

    def on_host(self, instance: Any, act: Callable[[Host], None]) -> None:
        """Do something to the machine of *instance*, if it has one."""
        with self._lock:
            host = self.hosts.get(instance.id)
        if host is not None:
            act(host)

    def terminated(self, instance: Any) -> None:
        """Throw the machine of *instance* away."""
        with self._lock:
            host = self.hosts.pop(instance.id, None)
        if host is not None:
            host.remove()

    def imaged(self, image: Any) -> None:
        """Keep the disk of the machine that *image* is made of, if it has one."""
        if image.instance.id not in self.hosts:
            return
        disk = Path(tempfile.mkdtemp(prefix="axl-image-", dir="/tmp"))
        self.on_host(image.instance, lambda host: host.copy_disk(disk))
        self.disks[image.id] = disk

    def _launch(self, instance: Any) -> None:
        assert self._make_host is not None
        disk = [self.disks[instance.image_id]] if instance.image_id in self.disks else []
        host = self._make_host(instance.private_ip, *disk)
        host.on_power_off = lambda: self._powered_off(instance)
        host.serve_metadata(_metadata(instance, v1=self._v1))
        host.start()
        with self._lock:
            self.hosts[instance.id] = host
        if self._closed or instance.state == "terminated":
            self.terminated(instance)

    def _powered_off(self, instance: Any) -> None:
        """Do what EC2 does when a machine switches itself off."""
        if instance.instance_initiated_shutdown_behavior == "terminate":
            instance.terminate()
        else:
            instance.stop()


@contextmanager
def _patched(ec2: Ec2) -> Iterator[None]:
    """Hook into moto, and repair three things that Terraform or the lab trip over."""
    from moto import settings
    from moto.ec2.models.instances import Instance, InstanceBackend
    from moto.ec2.models.subnets import Subnet

    make, run = Instance.__init__, InstanceBackend.run_instances

    def run_instances(self: Any, *args: Any, **options: Any) -> Any:
        ec2.check("RunInstances")
        return run(self, *args, **options)

    def init(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        # One that was launched with an interface has its groups there only, which Terraform takes
        # for a change that somebody made.
        if not self.security_groups and self.nics:
            self.security_groups = list(self.nics[0].group_set)
        ec2.launched(self)

    def address(self: Any, instance: Any) -> str:
        """Not the first free one, which the instance of another test run has as well."""
        chosen = network.free_address(self.cidr)
        self._subnet_ips[chosen] = instance
        return chosen

    acts: dict[str, Callable[[Any], None]] = {
        "start": lambda self: ec2.on_host(self, lambda host: host.start()),
        "stop": lambda self: ec2.on_host(self, lambda host: host.power_off()),
        "reboot": lambda self: ec2.on_host(self, lambda host: host.reboot()),
        "terminate": ec2.terminated,
    }
    replaced: list[Any] = [
        patch.object(settings, "ENABLE_AMI_VALIDATION", True),
        patch.object(settings, "EC2_ENABLE_INSTANCE_TYPE_VALIDATION", True),
        patch.dict("os.environ", {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}),
        patch.object(InstanceBackend, "run_instances", run_instances),
        patch.object(Instance, "__init__", init),
        patch.object(Subnet, "get_available_subnet_ip", address),
        *fillings(),
        *wishes(ec2),
        *(
            patch.object(Instance, name, _and(getattr(Instance, name), act))
            for name, act in acts.items()
        ),
    ]
    for each in replaced:
        each.start()
    try:
        yield
    finally:
        for each in reversed(replaced):
            each.stop()


def _and(original: Callable[..., Any], act: Callable[[Any], None]) -> Callable[..., Any]:
    """Return a method that does what *original* does, and then *act*."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        answer = original(self, *args, **options)
        act(self)
        return answer

    return method


def _metadata(instance: Any, *, v1: bool) -> dict[str, Any]:
    """Return the document of `tests.lab.imds` for *instance*."""
    address = instance.private_ip
    name = "ip-" + address.replace(".", "-")
    zone = instance.availability_zone
    values = {
        "ami-id": instance.image_id,
        "instance-id": instance.id,
        "instance-type": instance.instance_type,
        "local-ipv4": address,
        "local-hostname": name,
        "hostname": name,
        "mac": "52:54:00:12:34:56",
        "placement": {"availability-zone": zone, "region": REGION},
        "security-groups": "lab",
        "services": {"domain": "amazonaws.com", "partition": "aws"},
        "public-keys": _public_keys(instance),
    }
    identity = {"document": f'{{"instanceId": "{instance.id}", "region": "{REGION}"}}'}
    tree: dict[str, Any] = {"meta-data": values, "dynamic": {"instance-identity": identity}}
    if instance.user_data:
        tree["user-data"] = base64.b64decode(str(instance.user_data)).decode()
    return {"v1": v1, "tree": tree}


def _public_keys(instance: Any) -> dict[str, Any]:
    if not instance.key_name:
        return {}
    material = instance.ec2_backend.key_pairs[instance.key_name].material_public
    text = material.decode() if isinstance(material, bytes) else str(material)
    if not text.startswith("ssh-"):
        text = base64.b64decode(text).decode()
    return {"0": {"_name": instance.key_name, "openssh-key": text}}


def _backend() -> Any:
    from moto.backends import get_backend

    return get_backend("ec2")[ACCOUNT][REGION]


def _forget_everything() -> None:
    from moto.backends import get_backend
    from moto.core.model_instances import reset_model_data

    for name in ("ec2", "iam", "ssm"):
        get_backend(name).reset()
    reset_model_data()
