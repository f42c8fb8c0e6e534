"""Which commands there are, in the order in which help lists them.

The one-liners stand here so that `argoexec --help` imports no command; a test keeps them equal to
the first line of each command's own docstring.
"""

from __future__ import annotations

from typing import Final

COMMANDS: Final[dict[str, dict[str, str]]] = {
    "Run tasks": {
        "submit": "Run workflows and pods from manifests.",
        "wait": "Wait until runs or pods have ended.",
        "stop": "End runs or pods: TERM first, KILL after the grace period.",
        "delete": "Forget runs or pods, with their logs.",
    },
    "Look": {
        "list": "List runs and pods.",
        "get": "Show one run or pod with its steps and events.",
        "logs": "Print what a run's or pod's containers wrote.",
        "watch": "Follow the state of runs and pods.",
        "events": "Show what happened to a run's pods.",
        "exec": "Run a command in a container that runs.",
        "cp": "Copy files into a container that runs, or out of it.",
    },
    "Serve": {
        "serve": "Run the daemon: this machine becomes an executor.",
        "register": "Tell the controller of an executor's name and address.",
        "plugin": "Answer Argo's agent as an executor plugin.",
        "agent": "Run the tasks of a cluster's WorkflowTaskSets.",
    },
    "Make hosts": {
        "provision": "Make hosts that run tasks, and a context that reaches them.",
        "destroy": "End a fleet's hosts, and show that nothing is left.",
        "fleets": "List the fleets that were made here.",
        "hosts": "Show the hosts: whether they answer, what runs there, what they cost so far.",
        "amis": "List the machine images that provision --bake made, or remove some.",
        "leaks": "List what carries argoexec's tags on AWS and no fleet here owns.",
    },
    "Set up": {
        "context": "Choose among the servers of the config file.",
        "certs": "Show the certificates of contexts and fleets, and when they expire.",
        "doctor": "Check what is needed here, and say how to fix what is not.",
        "conform": "Run the conformance cases, and show where pods behave as they must.",
        "demo": "Run the whole chain on this machine, and clean up.",
        "version": "Say which argoexec this is.",
    },
}


def module_of(name: str) -> str:
    """Return the module of a command, whose function has the command's name and a final `_`."""
    return f"argoexec_cli.cli.commands.{name}"


def names() -> list[str]:
    """Return the names of all commands in the order of help."""
    return [name for group in COMMANDS.values() for name in group]
