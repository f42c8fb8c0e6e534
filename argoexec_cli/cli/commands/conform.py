"""`argoexec conform`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from argoexec_cli.cli.declare import Option
from argoexec_cli.cli.durations import parse_duration
from argoexec_cli.cli.output import Format, write, write_data
from argoexec_cli.cli.params import NoHeaders, Output
from argoexec_cli.cli.session import Session
from argoexec_cli.cli.table import render_table
from argoexec_cli.errors import ExitCode

if TYPE_CHECKING:
    from argoexec_cli.conformance.case import Case
    from argoexec_cli.conformance.run import Pace, Result

    Matrix = Mapping[str, Sequence[Result]]


class ConformOptions(NamedTuple):
    """Which cases, and where."""

    runtime: Annotated[
        list[str] | None,
        Option(
            metavar="RUNTIME",
            help="Not on the daemon but on this machine's: docker, containerd, fake.",
        ),
    ] = None
    case: Annotated[
        list[str] | None,
        Option("--case", "-l", metavar="PATTERN", help="Only these, by name or topic: 'stop*'."),
    ] = None
    image: Annotated[
        str, Option(metavar="IMAGE", help="A small image with busybox's commands.")
    ] = "busybox:1.36"
    parallel: Annotated[
        int,
        Option("--parallel", metavar="N", min=1, help="So many at once; fewer where it is slow."),
    ] = 8
    timeout: Annotated[
        str, Option("--timeout", metavar="DURATION", help="How long one case may take.")
    ] = "1m"
    list_only: Annotated[bool, Option("--list", help="Only name the cases.")] = False
    no_headers: NoHeaders = False


async def conform_(session: Session, options: ConformOptions, output: Output = Format.TABLE) -> int:
    """Run the conformance cases, and show where pods behave as they must.

    On the daemon that answers; with --runtime (several times: side by side) on an executor of its
    own on this machine. Cases that policy or a runtime cannot have are skipped. The exit code is 1
    when a case failed.
    """
    from argoexec_cli.conformance.load import all_cases, choose
    from argoexec_cli.conformance.run import Pace

    cases = choose(all_cases(), options.case or [])
    if options.list_only:
        _show_cases(cases, output)
        return ExitCode.OK
    pace = Pace(options.parallel, parse_duration(options.timeout, "--timeout"))
    matrix = await _run(session, options, cases, pace)
    _show(matrix, output, headers=not options.no_headers)
    for runtime, results in matrix.items():
        counts = Counter(result.state for result in results)
        session.say(f"{runtime}: " + ", ".join(f"{n} {state}" for state, n in counts.items()))
    failed = any(result.state == "failed" for results in matrix.values() for result in results)
    return ExitCode.FAILED if failed else ExitCode.OK


async def _run(session: Session, options: ConformOptions, cases: list[Case], pace: Pace) -> Matrix:
    from argoexec_cli.cli.conforming import on_daemon, on_runtime, runtime_called

    def tell(result: Result) -> None:
        if result.state == "failed":
            session.say(f"failed: {result.case}: {'; '.join(result.why)}")

    if not options.runtime:
        return await on_daemon(session, cases, options.image, pace, tell)
    matrix: dict[str, Sequence[Result]] = {}
    for name in options.runtime:
        runtime = runtime_called(name)
        matrix[name] = await on_runtime(session, runtime, cases, options.image, pace, tell)
    return matrix


def _show_cases(cases: list[Case], output: Format) -> None:
    if output in (Format.JSON, Format.YAML):
        write_data([{"case": case.name, "topic": case.topic} for case in cases], output)
    elif output is Format.NAME:
        write("".join(f"{case.name}\n" for case in cases))
    else:
        rows = [[case.topic, case.name] for case in cases]
        write(render_table(rows, header=("TOPIC", "CASE")))


def _show(matrix: Matrix, output: Format, *, headers: bool) -> None:
    from argoexec_cli.models.base import encode

    if output in (Format.JSON, Format.YAML):
        data: list[dict[str, Any]] = [
            {"runtime": runtime} | encode(result)
            for runtime, results in matrix.items()
            for result in results
        ]
        write_data(data, output)
        return
    rows = [
        _row(results, wide=output is Format.WIDE) for results in zip(*matrix.values(), strict=True)
    ]
    if output is Format.NAME:
        write("".join(f"{row[0]}\n" for row in rows))
        return
    header = ("CASE", *map(str.upper, matrix), "WHY") if headers else ()
    write(render_table(rows, header=header))


def _row(results: Sequence[Result], *, wide: bool) -> list[str]:
    """Return the line of one case: a cell for each runtime, and why not all of them are ok."""
    times = [f" {result.seconds:.1f}s" if wide else "" for result in results]
    cells = [result.state + time for result, time in zip(results, times, strict=True)]
    why = dict.fromkeys("; ".join(result.why) for result in results if result.why)
    return [results[0].case, *cells, " | ".join(why)]
