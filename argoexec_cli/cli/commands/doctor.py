"""`argoexec doctor`."""

from __future__ import annotations

from typing import Annotated

from argoexec_cli.cli.checks import Finding, examine
from argoexec_cli.cli.clusters import NO_CLUSTER, ClusterOptions
from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.output import Data, write, write_data
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import paint, render_table
from argoexec_cli.errors import ExitCode
from argoexec_cli.models.base import encode

_MARKS = {"ok": "✔", "note": "!", "wrong": "✖"}
_COLORS = {"ok": "Succeeded", "note": "Warning", "wrong": "Failed"}


async def doctor_(
    session: Session,
    output: Annotated[
        Data | None, Option("--output", "-o", metavar="FORMAT", help="json or yaml.")
    ] = None,
    argo: Annotated[
        bool, Option("--argo", help="Look at the controllers of the kubeconfig's cluster.")
    ] = False,
    cluster: ClusterOptions = NO_CLUSTER,
) -> int:
    """Check what is needed here, and say how to fix what is not.

    Changes nothing. The exit code is 1 when something that is needed is missing or does not answer.
    """
    if argo or any(cluster):
        from argoexec_cli.cli.checks_argo import examine_argo

        findings = await examine_argo(session, cluster)
    else:
        findings = await examine(session)
    if output is not None:
        write_data([encode(finding) for finding in findings], output)
    else:
        _show(session, findings)
    wrong = any(finding.state == "wrong" for finding in findings)
    return ExitCode.FAILED if wrong else ExitCode.OK


def _show(session: Session, findings: list[Finding]) -> None:
    rows = [[_MARKS[each.state], each.check, each.found] for each in findings]
    lines = render_table(rows).splitlines()
    for line, finding in zip(lines, findings, strict=True):
        write(paint(line, _COLORS[finding.state], session.color) + "\n")
        if finding.fix:
            write(f"      fix: {finding.fix}\n")
