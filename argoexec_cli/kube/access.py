"""Asks the cluster who may do what, before it is done."""

from __future__ import annotations

from argoexec_cli.errors import DeniedError
from argoexec_cli.kube.base import Kube, Object
from argoexec_cli.kube.errors import Request
from argoexec_cli.kube.resources import (
    ACCESS_REVIEWS,
    LOCAL_ACCESS_REVIEWS,
    SELF_ACCESS_REVIEWS,
)


async def may(kube: Kube, request: Request) -> bool:
    """Tell whether we ourselves may do *request*."""
    review = {"spec": {"resourceAttributes": _attributes(request)}}
    return _allowed(await kube.create(SELF_ACCESS_REVIEWS, review))


async def may_account(kube: Kube, account: str, namespace: str, request: Request) -> bool:
    """Tell whether the service account *namespace*/*account* may do *request*.

    `DeniedError` when we may not ask that, neither of the cluster nor of the request's namespace.
    """
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    spec = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": [*groups, "system:authenticated"],
        "resourceAttributes": _attributes(request),
    }
    try:
        return _allowed(await kube.create(ACCESS_REVIEWS, {"spec": spec}))
    except DeniedError:
        where = request.namespace
        if not where:
            raise
    review = {"metadata": {"namespace": where}, "spec": spec}
    return _allowed(await kube.create(LOCAL_ACCESS_REVIEWS, review, where))


def _attributes(request: Request) -> Object:
    fields = {
        "verb": request.verb,
        "group": request.resource.group,
        "version": request.resource.version,
        "resource": request.resource.plural,
        "subresource": request.subresource,
        "namespace": request.namespace,
        "name": request.name,
    }
    return {key: value for key, value in fields.items() if value or key == "group"}


def _allowed(review: Object) -> bool:
    return bool((review.get("status") or {}).get("allowed"))
