"""Calls that Terraform's AWS provider makes for every instance and moto 5.2 lacks or misreads."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch


def fillings() -> list[Any]:
    """Return the patches, not started."""
    from moto.ec2.responses.instances import InstanceResponse
    from moto.ec2.responses.monitoring import Monitoring

    name = "_security_grp_instance_attribute_handler"
    change = getattr(InstanceResponse, name)

    def keep_groups(self: Any) -> bool:
        """Leave the groups be where ModifyInstanceAttribute is about something else.

        moto takes every attribute that it does not know for a change of groups to none.
        """
        return not self._get_param("Groups", []) or bool(change(self))

    return [
        patch.object(InstanceResponse, name, keep_groups),
        patch.object(Monitoring, "monitor_instances", _monitor),
    ]


def _monitor(request: Any) -> Any:
    from moto.core.responses import ActionResult

    wanted = request._get_param("InstanceIds", [])
    for instance in request.ec2_backend.get_multi_instances_by_id(wanted):
        instance.monitoring_state = "enabled"
    return ActionResult({"InstanceMonitorings": []})
