"""Playbooks through ansible-runner, for real; nothing of this machine is changed."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from argoexec_cli.compute import ansible
from argoexec_cli.compute.ansible import playbooks
from argoexec_cli.compute.ansible.inventory import LateInventory
from argoexec_cli.config.load import child_environment
from argoexec_cli.errors import PreconditionError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CHANGES = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Leave a mark
      ansible.builtin.copy: {content: "{{ text }}", dest: "{{ file }}", mode: "0600"}
"""
SLEEPS = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Begin
      ansible.builtin.copy: {content: "", dest: "{{ file }}", mode: "0600"}
    - name: Sleep
      ansible.builtin.shell: echo $$ >"{{ file }}"; exec sleep 600
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory whose playbooks are the ones that are found."""
    (tmp_path / "playbooks").mkdir()
    monkeypatch.setattr(playbooks, "_PLACES", (tmp_path,))
    return tmp_path


async def play(place: Path, playbook: str, **variables: str) -> list[str]:
    """Play *playbook*; return the tasks that changed something."""
    told: list[str] = []
    (place / "playbooks" / "it.yml").write_text(playbook)
    await ansible.play_on_localhost("it.yml", variables, child_environment(), told.append)
    return told


async def test_changes_are_told_and_a_second_run_changes_nothing(place: Path) -> None:
    mark = place / "mark"
    assert await play(place, CHANGES, text="x", file=str(mark)) == ["Leave a mark"]
    assert mark.read_text() == "x"
    assert await play(place, CHANGES, text="x", file=str(mark)) == []


async def test_where_no_program_may_run_the_hosts_are_told_beforehand(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LateInventory, "usable", False)
    mark = place / "mark"
    assert await play(place, CHANGES, text="x", file=str(mark)) == ["Leave a mark"]


async def test_a_task_that_fails_is_named_with_its_message(place: Path) -> None:
    nowhere = str(place / "no" / "directory")
    with pytest.raises(PreconditionError, match=r"Leave a mark: .*does not exist") as caught:
        await play(place, CHANGES, text="x", file=nowhere)
    assert caught.value.hint.startswith("ansible-playbook -i localhost, -c local ")


LOOKS = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Look for what nobody needs
      ansible.builtin.shell: |
        directory=$(dirname "$ANSIBLE_CONFIG")
        ls "$directory"/artifacts/*/command "$directory"/env/envvars
        ! env | grep '[s]esame' && ! grep -r '[s]esame' "$directory"
"""


async def test_secrets_of_the_environment_are_neither_told_nor_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "ARGOEXEC_TLS_KEY_PEM"):
        monkeypatch.setenv(name, "sesame")
    assert await play(place, LOOKS) == ["Look for what nobody needs"]


async def test_cancelling_ends_ansible(place: Path) -> None:
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(task: str) -> None:
        loop.call_soon_threadsafe(begun.set)

    (place / "playbooks" / "it.yml").write_text(SLEEPS)
    variables = {"file": str(place / "mark")}
    playing = asyncio.ensure_future(
        ansible.play_on_localhost("it.yml", variables, child_environment(), tell)
    )
    async with asyncio.timeout(180):
        await begun.wait()
        sleeping = await asyncio.to_thread(_process_in, place / "mark")
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        await asyncio.to_thread(_gone, sleeping)


def _process_in(file: Path) -> Path:
    """Return the process whose number another one writes into *file*."""
    while not (number := file.read_text().strip()):
        time.sleep(0.05)
    return Path(f"/proc/{number}/comm")


def _gone(process: Path) -> None:
    deadline = time.monotonic() + 60
    while process.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_projects_playbooks_are_found() -> None:
    assert os.access(ansible.find_playbook("docker.yml"), os.R_OK)
    with pytest.raises(PreconditionError, match=r"none\.yml is not part of this installation"):
        ansible.find_playbook("none.yml")
