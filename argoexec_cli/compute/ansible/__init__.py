"""The project's Ansible playbooks, applied through ansible-runner to this machine and to others."""

from argoexec_cli.compute.ansible.configure import Configuration, Target, configure
from argoexec_cli.compute.ansible.localhost import play_on_localhost
from argoexec_cli.compute.ansible.playbooks import find_playbook

__all__ = [
    "Configuration",
    "Target",
    "configure",
    "find_playbook",
    "play_on_localhost",
]
