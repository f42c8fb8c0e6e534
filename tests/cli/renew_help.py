"""Writes the help files anew: `python -m tests.cli.renew_help`, then look at the difference."""

from __future__ import annotations

import tempfile
from pathlib import Path

from argoexec_cli.cli.catalog import names
from tests.cli.conftest import Cli


def main() -> None:
    """Write one file for the root and one for each command."""
    directory = Path(__file__).parent / "help"
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        cli = Cli(Path(home), "")
        for name in ["", *names()]:
            text = cli(*name.split(), "--help").out
            (directory / f"{name or 'argoexec'}.txt").write_text(text)


if __name__ == "__main__":
    main()
