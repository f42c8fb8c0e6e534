"""Next steps for fields of Argo and Kubernetes that are not implemented here."""

from __future__ import annotations

import re
from typing import Final

from argoexec_cli.models.base import FieldError, UnknownFieldError

_ONLY_TEMPLATES: Final = "this version runs container and script templates, one task per workflow"
_HINTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "steps",
            "dag",
            "http",
            "suspend",
            "resource",
            "containerSet",
            "data",
            "plugin",
            "inline",
        ),
        _ONLY_TEMPLATES,
    ),
    **dict.fromkeys(
        ("onExit", "hooks", "retryStrategy", "synchronization", "memoize", "parallelism"),
        "remove it: this version runs each task once, as it is",
    ),
    **dict.fromkeys(
        ("artifacts", "artifactRepositoryRef", "archiveLocation"),
        "pass data as parameters, in the image, or through the task's standard output",
    ),
    "timeout": "use activeDeadlineSeconds",
    "workflowTemplateRef": "use kind WorkflowRun with spec.workflowRef, beside the Workflow",
    "valueFrom": "give the value itself: value: …",
    "generation": "remove what a cluster has added: managedFields, generation, resourceVersion",
    "resourceVersion": "remove what a cluster has added: managedFields, generation, …",
    "managedFields": "remove what a cluster has added: managedFields, generation, …",
}
_SHAPES: Final = {
    "array": "write a list: [a, b], or each item on a line of its own after '- '",
    "object": "write fields below it, each on a line of its own: name: value",
    "int": "write a whole number, without quotes",
    "bool": "write true or false, without quotes",
    "str": "write text, not a list or a mapping",
}
_UNQUOTED: Final = ("expected str, got int", "expected str, got float", "expected str, got bool")


def with_hint(error: FieldError) -> FieldError:
    """Return *error* with the next step for its field, where there is a better one than its own."""
    if not isinstance(error, UnknownFieldError):
        if not error.hint:
            error.hint = _step_for_value(error)
        return error
    name = error.path.rpartition(".")[2]
    if error.hint == f"did you mean {name}?":
        error.hint = "it belongs elsewhere in the manifest"
    if ".outputs." in error.path:
        error.hint = "outputs are the task's standard output (result) and exitCode; remove it"
    elif name in _HINTS:
        error.hint = _HINTS[name]
    elif not error.hint:
        error.hint = f"remove {name}: this version cannot do what it asks for"
    return error


def _step_for_value(error: FieldError) -> str:
    if error.message.endswith(_UNQUOTED):
        return "quote it to make it a string"
    wanted = re.search(r"expected (array|object|int|bool|str)", error.message)
    if wanted is not None:
        return _SHAPES[wanted[1]]
    missing = re.search(r"missing required field (\S+)", error.message)
    return f"add {missing[1]}, one level below that line" if missing else ""
