"""`argoexec exec` and `argoexec cp` from outside, with real containers and a real terminal, on both
runtimes.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ARGOEXEC, Cli
from tests.cli.engines import BOTH, EngineCli, daemon_on, engine_of
from tests.cli.terminals import Terminal, eventually
from tests.engines import images
from tests.engines.docker import DockerEngine

pytestmark = pytest.mark.e2e
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: "{images.BUSYBOX.name}"
    command: [sleep, "600"]
    volumeMounts: [{{name: small, mountPath: /small}}]
  volumes: [{{name: small, emptyDir: {{medium: Memory, sizeLimit: 1Mi}}}}]
"""


@pytest.fixture(scope="module", params=BOTH)
def cli(request: pytest.FixtureRequest) -> Iterator[EngineCli]:
    """Give the command line of a daemon on an engine, where the pod `web` runs."""
    with daemon_on(engine_of(request)) as cli:
        assert cli("submit", "-", stdin=POD).code == 0
        assert cli("wait", "web", "--for", "running", "--timeout", "60s").code == 0
        yield cli


def in_web(cli: Cli, script: str) -> str:
    outcome = cli("exec", "web", "--", "sh", "-c", script)
    assert outcome.code == 0, outcome
    return outcome.out


@pytest.fixture
def shell(cli: Cli) -> Iterator[Terminal]:
    """Give a shell in the pod, on a terminal."""
    terminal = Terminal(cli, "exec", "-it", "web", "--", "sh")
    terminal.until("#")
    yield terminal
    terminal.close()


def test_exit_codes(cli: Cli) -> None:
    for script, code in [("exit 3", 3), ("kill -9 $$", 137), ("true", 0)]:
        assert cli("exec", "web", "--", "sh", "-c", script).code == code
    missing = cli("exec", "web", "--", "nope")
    assert (missing.code, missing.out) == (127, "")
    assert 'exec: "nope": executable file not found' in missing.err
    assert cli("exec", "web", "--", "/etc").code == 126


def test_input_that_nobody_reads_holds_nothing_up(cli: Cli) -> None:
    child = cli.start("exec", "-i", "web", "--", "true", stdin=subprocess.PIPE)
    child.communicate(b"x" * 3_000_000, timeout=60)
    assert child.returncode == 0


def test_a_shell_on_a_terminal(shell: Terminal) -> None:
    shell.type("stty size; tty; exit 5\r")
    shell.until("/dev/pts/")
    assert b"30 100" in shell.seen
    assert shell.child.wait(60) == 5
    assert shell.restored()


def test_a_new_size_is_passed_on(shell: Terminal) -> None:
    shell.resize(77, 11)
    shell.child.send_signal(signal.SIGWINCH)

    def said() -> bool:
        shell.type("stty size\r")
        shell.look()
        return b"11 77" in shell.seen

    eventually(said, "it is said")


def test_ctrl_c_goes_to_the_command_and_not_to_us(cli: Cli, shell: Terminal) -> None:
    shell.type("sleep 641\r")
    eventually(lambda: "sleep 641" in in_web(cli, "ps"), "it has begun")
    shell.type("\x03")
    shell.type("echo still $((40 + 2))\r")
    shell.until("still 42")
    assert shell.child.poll() is None


def test_a_signal_restores_the_terminal_and_ends_the_shell(cli: Cli, shell: Terminal) -> None:
    assert not shell.restored()
    shell.type("exec sleep 611\r")
    eventually(lambda: "sleep 611" in in_web(cli, "ps"), "it has begun")
    shell.child.send_signal(signal.SIGTERM)
    assert shell.child.wait(60) == -signal.SIGTERM
    assert shell.restored()
    eventually(lambda: "sleep 611" not in in_web(cli, "ps"), "it is gone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_ends_ends_its_command(cli: Cli, number: signal.Signals) -> None:
    script = f"sleep 62{number.value} & sleep 63{number.value} & echo on; wait"
    child = cli.start("exec", "web", "--", "sh", "-c", script, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"on\n"
    child.send_signal(number)
    child.wait(60)
    child.stdout.close()
    gone = (f"sleep 62{number.value}", f"sleep 63{number.value}")
    eventually(lambda: not any(one in in_web(cli, "ps") for one in gone), "all is gone")


@pytest.mark.docker
def test_a_daemon_that_dies_leaves_the_terminal_as_it_was(
    docker_engine: DockerEngine, short_tmp: Path
) -> None:
    others = set(docker_engine.api.containers())
    cli = Cli(short_tmp, f"unix://{short_tmp}/s.sock")
    where = ["--data-dir", f"{short_tmp}/data", "--socket", f"{short_tmp}/s.sock"]
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": docker_engine.url}
    words = [*ARGOEXEC, "serve", "--runtime", "docker", *where]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE) as daemon:
        assert daemon.stderr is not None
        while b"serving on" not in daemon.stderr.readline():
            continue
        assert cli("submit", "-", stdin=POD).code == 0
        assert cli("wait", "web", "--for", "running", "--timeout", "60s").code == 0
        terminal = Terminal(cli, "exec", "-it", "web", "--", "sh")
        terminal.until("#")
        daemon.kill()
        try:
            assert terminal.child.wait(60) == 5
            assert terminal.restored()
            terminal.until("error: ")
        finally:
            terminal.close()
    for container in set(docker_engine.api.containers()) - others:
        docker_engine.api.remove_container(container)


def test_a_file_in_and_out_keeps_bytes_mode_and_time(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(3_000_000))
    source.chmod(0o751)
    os.utime(source, (1_600_000_000, 1_600_000_000))
    assert cli("cp", str(source), "web:/tmp/there.bin") == (0, "", "")
    assert cli("cp", str(source), "web:/tmp") == (0, "", "")
    listing = in_web(cli, "cd /tmp; stat -c '%a %u %Y %n' *.bin; ls -A | grep -c '^\\.' ; true")
    assert listing.splitlines() == [
        "751 0 1600000000 source.bin",
        "751 0 1600000000 there.bin",
        "0",
    ]
    back = tmp_path / "back"
    assert cli("cp", "web:/tmp/there.bin", str(back)) == (0, "", "")
    assert back.read_bytes() == source.read_bytes()
    assert (back.stat().st_mode & 0o777, back.stat().st_mtime) == (0o751, 1_600_000_000)
    (tmp_path / "into").mkdir()
    assert cli("cp", "pod/web:/tmp/there.bin", str(tmp_path / "into")) == (0, "", "")
    assert (tmp_path / "into" / "there.bin").read_bytes() == source.read_bytes()


def test_a_directory_in_and_out(cli: Cli, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "er" / "file").write_text("text")
    (tree / "empty").mkdir(mode=0o700)
    (tree / "link").symlink_to("deep/er/file")
    assert cli("cp", str(tree), "web:/var/tree") == (0, "", "")
    assert in_web(cli, "cat /var/tree/link; stat -c %a /var/tree/empty") == "text700\n"
    in_web(
        cli, "ln -s /etc/passwd /var/tree/abroad; ln -s ../.. /var/tree/deep/up; mkfifo /var/tree/f"
    )
    outcome = cli("cp", "web:/var/tree", str(tmp_path / "copy"))
    assert outcome.code == 0
    assert sorted(outcome.err.splitlines()) == [
        "left out: tree/abroad, a link to /etc/passwd",
        "left out: tree/deep/up, a link to ../..",
        "left out: tree/f, which is no file, directory or link",
    ]
    copy = tmp_path / "copy"
    assert (copy / "link").readlink() == Path("deep/er/file")
    assert (copy / "deep/er/file").read_text() == "text"
    assert not os.path.lexists(copy / "abroad")
    assert (copy / "empty").stat().st_mode & 0o777 == 0o700


def test_what_is_not_there_is_said(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("cp", "web:/none/such", str(tmp_path / "x"))
    assert outcome.code == 3
    assert "/none/such: tar: " in outcome.err
    (tmp_path / "y").write_text("y")
    outcome = cli("cp", str(tmp_path / "y"), "web:/none/such/y")
    assert outcome.code == 3
    assert os.listdir(tmp_path) == ["y"]


def test_a_full_disk_in_the_container_leaves_no_part(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(3_000_000))
    outcome = cli("cp", str(tmp_path / "large"), "web:/small/large")
    assert outcome.code == 1
    assert "cannot copy /small/large: tar: " in outcome.err
    assert "No space left" in outcome.err
    assert in_web(cli, "ls -A /small") == ""


def test_an_image_without_tar_is_said(cli: Cli, tmp_path: Path) -> None:
    in_web(cli, "mv /bin/tar /bin/rat")
    try:
        (tmp_path / "x").write_text("x")
        for words in (["web:/etc/passwd", str(tmp_path / "y")], [str(tmp_path / "x"), "web:/x"]):
            outcome = cli("cp", *words)
            assert outcome.code == 2
            assert "the container main has no program tar" in outcome.err
            assert "hint: argoexec exec web -- cat FILE > FILE" in outcome.err
    finally:
        in_web(cli, "mv /bin/rat /bin/tar")


def test_ctrl_c_in_the_middle_of_a_copy_leaves_no_part(cli: Cli, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(4 << 30)
    in_web(cli, "mkdir -p /tmp/half")
    child = cli.start("cp", str(tmp_path / "huge"), "web:/tmp/half/huge")
    eventually(lambda: ".huge." in in_web(cli, "ls -A /tmp/half"), "it has begun")
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130
    eventually(lambda: in_web(cli, "ls -A /tmp/half") == "", "no part is left")
