"""Evaluates one condition for a parent process that can give up on it: a regular expression may
take for ever. Reads `{"condition": …, "variables": …}`, writes `{"value": …}` or `{"error": …}`.
"""

from __future__ import annotations

import sys

import msgspec

from argoexec_cli.argo.expr import ExprError, evaluate, parse


def main() -> None:
    """Answer the question on stdin."""
    question = msgspec.json.decode(sys.stdin.buffer.read())
    try:
        value = evaluate(parse(question["condition"]), question["variables"])
        answer = {"value": value if isinstance(value, bool) else str(value)}
    except ExprError as exc:
        answer = {"error": exc.message}
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
