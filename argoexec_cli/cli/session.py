"""What every command gets: the common options, the settings, and ways to talk to the user."""

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, NamedTuple

from argoexec_cli.cli.completion import complete_context, complete_server
from argoexec_cli.cli.declare import Option

if TYPE_CHECKING:
    from argoexec_cli.config.settings import Settings


class Options(NamedTuple):
    """The options that every command has."""

    server: Annotated[
        str,
        Option(
            metavar="ADDRESS",
            help="The daemon: host:port or unix:///path.",
            complete=complete_server,
        ),
    ] = ""
    context: Annotated[
        str,
        Option(
            metavar="NAME",
            help="A server of the config file, not the current one.",
            complete=complete_context,
        ),
    ] = ""
    tls_ca: Annotated[
        str, Option(metavar="FILE", help="The authority of the daemon's certificate.")
    ] = ""
    tls_cert: Annotated[str, Option(metavar="FILE", help="The certificate to show.")] = ""
    tls_key: Annotated[str, Option(metavar="FILE", help="The key of that certificate.")] = ""
    namespace: Annotated[
        str, Option("--namespace", "-n", metavar="NAME", help="Act in this one, not in default.")
    ] = ""
    debug: Annotated[bool, Option("--debug", help="Show tracebacks.")] = False
    no_color: Annotated[bool, Option("--no-color", help="Never use colour.")] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print data and errors, nothing else.")] = (
        False
    )

    def over(self, other: "Options") -> "Options":
        """Merge with what was given before the command's name; this one wins."""
        return Options(
            self.server or other.server,
            self.context or other.context,
            self.tls_ca or other.tls_ca,
            self.tls_cert or other.tls_cert,
            self.tls_key or other.tls_key,
            self.namespace or other.namespace,
            self.debug or other.debug,
            self.no_color or other.no_color,
            self.quiet or other.quiet,
        )


class Session:
    """One invocation of a command. Settings are read when first needed."""

    def __init__(self, options: Options) -> None:
        """Keep the options; nothing is read or connected yet."""
        self.options = options

    @cached_property
    def settings(self) -> "Settings":
        """Every setting; `InvalidError` when the config file is wrong."""
        from argoexec_cli.config.load import Choice, load_settings

        given = self.options
        choice = Choice(given.server, given.context, given.tls_ca, given.tls_cert, given.tls_key)
        return load_settings(choice)

    @property
    def namespace(self) -> str:
        """The namespace to act in."""
        return self.options.namespace or "default"

    @property
    def color(self) -> bool:
        """Whether stdout is for eyes: a terminal, and nobody asked for no colour."""
        return sys.stdout.isatty() and not self.options.no_color and not self.settings.no_color

    def say(self, line: str) -> None:
        """Tell the user something that is no data: on stderr, and not with --quiet."""
        self.say_text(f"{line}\n")

    def say_text(self, text: str) -> None:
        """Like `say`, without ending the line. A full disk below stderr ends no work."""
        if self.options.quiet:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except BrokenPipeError:
            raise
        except OSError:
            return
