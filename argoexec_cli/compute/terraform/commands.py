"""Terraform's command lines, built by python-terraform and run by nobody here.

What python-terraform 0.10 does beyond that is left alone: `destroy()` passes `-force`, which
Terraform refuses since 0.15; `output(name)` fails; `synchronous=False` ends up on the command line;
nothing streams; and variables lie in a temporary file meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from python_terraform import Terraform

PLAN_FILE: Final = "fleet.tfplan"
PROGRAM: Final = "terraform"


class Commands:
    """Builds argument lists; each begins with the program's name."""

    def __init__(self) -> None:
        """Load python-terraform, which takes a while, and only here."""
        import python_terraform

        class Builder(python_terraform.Terraform):  # type: ignore[misc] # it has no types
            """Builds command lines without looking for a state file in the working directory."""

            def read_state_file(self, file_path: str | None = None) -> None:
                """Read nothing: the state belongs to Terraform."""

        self._flag = python_terraform.IsFlagged
        self._terraform: Terraform = Builder(terraform_bin_path=PROGRAM)

    def version(self) -> list[str]:
        """Say which Terraform this is, as JSON."""
        return self._build("version", json=self._flag)

    def init(self) -> list[str]:
        """Prepare the directory: backend and provider. Repeatable; moving the state is refused."""
        return self._build("init", input=False, no_color=self._flag)

    def plan(self, *, destroy: bool, replace: Sequence[str]) -> list[str]:
        """Write a plan to `PLAN_FILE`; exit code 2 says that it has changes."""
        return self._build(
            "plan",
            json=self._flag,
            input=False,
            out=PLAN_FILE,
            detailed_exitcode=self._flag,
            destroy=self._flag if destroy else None,
            replace=list(replace),
        )

    def apply(self) -> list[str]:
        """Do what `PLAN_FILE` says; a plan from a file is not asked about."""
        return self._build("apply", PLAN_FILE, json=self._flag, input=False)

    def state_list(self) -> list[str]:
        """Print the address of everything in the state."""
        return self._build("state list")

    def output(self) -> list[str]:
        """Print all outputs as JSON."""
        return self._build("output", json=self._flag)

    def _build(self, command: str, *arguments: str, **options: object) -> list[str]:
        built: list[str] = self._terraform.generate_cmd_string(command, *arguments, **options)
        return built
