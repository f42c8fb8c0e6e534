"""What moto 5.2 lacks or misreads of the calls that Terraform's AWS provider and we make."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import patch


def fillings() -> list[Any]:
    """Return the patches, not started."""
    from moto.core.responses import BaseResponse
    from moto.ec2.responses.instances import InstanceResponse
    from moto.ec2.responses.monitoring import Monitoring
    from moto.ec2.responses.spot_instances import SpotInstances

    lock, dispatch = threading.RLock(), BaseResponse._dispatch

    def one_at_a_time(self: Any, *arguments: Any) -> Any:
        """Answer one request after another: moto's state and caches are not made for threads."""
        with lock:
            return dispatch(self, *arguments)

    name = "_security_grp_instance_attribute_handler"
    change = getattr(InstanceResponse, name)

    def keep_groups(self: Any) -> bool:
        """Leave the groups be where ModifyInstanceAttribute is about something else.

        moto takes every attribute that it does not know for a change of groups to none.
        """
        return not self._get_param("Groups", []) or bool(change(self))

    request_spot = SpotInstances.request_spot_instances

    def spot_in_its_place(self: Any) -> Any:
        """Have a Spot request's subnet and groups from its interface, which moto does not read."""
        get, form = self._get_param, "LaunchSpecification"
        interface = (get(f"{form}.NetworkInterfaces", None) or [{}])[0]
        more = {
            f"{form}.SecurityGroups": interface.get("Groups"),
            f"{form}.SubnetId": interface.get("SubnetId"),
        }
        self._get_param = lambda name, *default: more.get(name) or get(name, *default)
        return request_spot(self)

    return [
        patch.object(BaseResponse, "_dispatch", one_at_a_time),
        patch.object(InstanceResponse, name, keep_groups),
        patch.object(Monitoring, "monitor_instances", _monitor),
        patch.object(SpotInstances, "request_spot_instances", spot_in_its_place),
    ]


def _monitor(request: Any) -> Any:
    from moto.core.responses import ActionResult

    wanted = request._get_param("InstanceIds", [])
    for instance in request.ec2_backend.get_multi_instances_by_id(wanted):
        instance.monitoring_state = "enabled"
    return ActionResult({"InstanceMonitorings": []})
