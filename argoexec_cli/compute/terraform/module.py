"""A fleet's own directory: the module, and the configuration that calls it with the fleet's values.

The directory is complete: whoever has lost argoexec changes into it and runs `terraform destroy`.
Nothing in it is secret but the state, which is as private as the directory.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

from argoexec_cli.compute.models import FleetSpec
from argoexec_cli.errors import NotFoundError, PreconditionError

_PACKAGE: Final = Path(__file__).parents[2]
_PLACES: Final = (_PACKAGE / "_share" / "terraform", _PACKAGE.parent / "terraform")
_SUFFIXES: Final = (".tf", ".tftpl")
CONFIGURATION: Final = "main.tf.json"


def find_module() -> Path:
    """Return the directory of the module, from the installed package or from a checkout."""
    for place in _PLACES:
        if (place / "main.tf").exists():
            return place
    raise PreconditionError(
        "the Terraform module is not part of this installation", hint="pip install --force argoexec"
    )


def write_configuration(directory: Path, spec: FleetSpec) -> None:
    """Make *directory* (0700) hold what Terraform needs for *spec*; repeatable, and only ours
    changes.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    _copy_module(directory / "fleet")
    text = json.dumps(_configuration(spec), indent=2, sort_keys=True)
    _replace(directory / CONFIGURATION, text + "\n")


def need_configuration(directory: Path) -> None:
    """Raise `NotFoundError` where no fleet was ever configured in *directory*."""
    if not (directory / CONFIGURATION).exists():
        raise NotFoundError(f"there is no fleet in {directory}", hint="argoexec fleets")


def _copy_module(target: Path) -> None:
    """Have *target* be the module as this version ships it, without its tests and examples."""
    source = find_module()
    fresh = target.with_name(".fleet.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for path in (*source.glob("*"), *source.glob("files/*")):
        if path.suffix in _SUFFIXES:
            copy = fresh / path.relative_to(source)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def _configuration(spec: FleetSpec) -> dict[str, Any]:
    provider: dict[str, Any] = {"region": spec.region}
    if spec.endpoint_url:
        # Provider 3.39 does not know AWS_ENDPOINT_URL; later ones take either.
        services = ("ec2", "iam", "ssm", "sts")
        provider["endpoints"] = [dict.fromkeys(services, spec.endpoint_url)]
    return {
        "terraform": {"required_version": ">= 1.5", "backend": _backend(spec)},
        "provider": {"aws": _literal(provider)},
        "module": {"fleet": {"source": "./fleet", **_literal(_arguments(spec))}},
        "output": {"hosts": {"value": "${module.fleet.hosts}"}},
    }


def _backend(spec: FleetSpec) -> dict[str, Any]:
    if spec.backend is None:
        return {"local": {}}
    backend, elsewhere = spec.backend, dict[str, Any]()
    if spec.endpoint_url:
        services = ("s3", "dynamodb", "iam", "sts")
        elsewhere["endpoints"] = dict.fromkeys(services, spec.endpoint_url)
        # What stands in for AWS has rarely a name for every bucket.
        elsewhere["use_path_style"] = True
    lock: dict[str, Any] = {"use_lockfile": True}
    if backend.dynamodb_table:
        lock = {"dynamodb_table": backend.dynamodb_table}
    place = {"bucket": backend.bucket, "key": backend.key, "region": backend.region}
    return {"s3": _literal({**place, "encrypt": True, **lock, **elsewhere})}


def _arguments(spec: FleetSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "owner": spec.owner,
        "tags": spec.tags,
        "host_count": spec.count,
        "instance_type": spec.instance_type,
        "arch": spec.arch,
        "os": spec.os,
        "ami": spec.ami,
        "spot": spec.spot,
        "disk_gib": spec.disk_gib,
        "ssh_public_key": spec.ssh_public_key,
        "lease_seconds": spec.lease_s,
        "subnet_id": spec.subnet_id,
        "availability_zone": spec.availability_zone,
        "public_ip": spec.public_ip,
        "client_cidrs": list(spec.client_cidrs),
        "daemon_port": spec.daemon_port,
        "egress_ports": list(spec.egress_ports),
        "egress_open": spec.egress_open,
        "instance_profile": spec.instance_profile,
    }


def _literal(value: Any) -> Any:
    """Return *value* with its strings protected: in Terraform's JSON every string is a template."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
