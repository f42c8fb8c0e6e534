"""The kinds of objects that argoexec reads or writes, and their addresses."""

from __future__ import annotations

from typing import Final, NamedTuple


class Resource(NamedTuple):
    """One kind of object: where the API has it, and what it is called in manifests."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The value of `apiVersion` in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL's path; an empty namespace of a namespaced kind means all of them."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/" + "/".join([*parts, self.plural, *filter(None, (name, subresource))])


_ARGO: Final = ("argoproj.io", "v1alpha1")
_RBAC: Final = ("rbac.authorization.k8s.io", "v1")

PODS: Final = Resource("", "v1", "pods", "Pod")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
EVENTS: Final = Resource("", "v1", "events", "Event")
SERVICE_ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
ROLES: Final = Resource(*_RBAC, "roles", "Role")
ROLE_BINDINGS: Final = Resource(*_RBAC, "rolebindings", "RoleBinding")
CLUSTER_ROLES: Final = Resource(*_RBAC, "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS: Final = Resource(
    *_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
LOCAL_ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview"
)
SELF_ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
)
WORKFLOWS: Final = Resource(*_ARGO, "workflows", "Workflow")
WORKFLOW_TEMPLATES: Final = Resource(*_ARGO, "workflowtemplates", "WorkflowTemplate")
TASK_SETS: Final = Resource(*_ARGO, "workflowtasksets", "WorkflowTaskSet")
TASK_RESULTS: Final = Resource(*_ARGO, "workflowtaskresults", "WorkflowTaskResult")

ALL: Final = (
    PODS,
    CONFIG_MAPS,
    SECRETS,
    EVENTS,
    SERVICE_ACCOUNTS,
    NAMESPACES,
    NODES,
    DEPLOYMENTS,
    LEASES,
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ACCESS_REVIEWS,
    LOCAL_ACCESS_REVIEWS,
    SELF_ACCESS_REVIEWS,
    WORKFLOWS,
    WORKFLOW_TEMPLATES,
    TASK_SETS,
    TASK_RESULTS,
)


def resource_of(manifest: dict[str, object]) -> Resource | None:
    """Return the resource of a manifest by its apiVersion and kind, None for one that we lack."""
    wanted = (manifest.get("apiVersion"), manifest.get("kind"))
    return next((one for one in ALL if (one.api_version, one.kind) == wanted), None)
