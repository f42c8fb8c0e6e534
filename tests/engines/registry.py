"""A private image registry on loopback: Debian's docker-registry, with or without a password."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from argoexec_cli.conformance.ports import unused_port
from tests.engines import kernel
from tests.engines.claim import identity, owner_lives
from tests.engines.process import NotReadyError, Process

PROGRAMS = ("docker-registry",)
LOGIN = ("argoexec", "open-sesame")
# LOGIN as `htpasswd -Bn` writes it; a constant, so that no program is needed to make it.
_HTPASSWD = "argoexec:$2b$04$VfHsClp06NupG/XNr3/UO.UC8NonCK153rpcbxl6RORB5oPZRV/32\n"
_ATTEMPTS = 5
_BASE = Path("/tmp")
_PREFIX = "axr-"


class Registry:
    """Use as a context manager: serving inside, gone with its images after it.

    Docker and containerd speak plain http to a registry on 127.0.0.1 without being told to.
    """

    def __init__(self, *, login: tuple[str, str] | None = None) -> None:
        """Prepare one that is open to all, or with `LOGIN` to that user only."""
        if login not in (None, LOGIN):
            raise ValueError("the only user that the registry can know is LOGIN")
        self.login = login
        self.port = 0
        with _claims():
            _sweep()
            self._directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_BASE))
            (self._directory / "owner").write_text(identity(os.getpid()))
        self._process: Process | None = None
        self._elsewhere: list[Process] = []

    @property
    def host(self) -> str:
        """The registry's part of an image name, host:port."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start it on a free port."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and remove its directory."""
        self.close()

    def start(self) -> None:
        """Start serving, on the port that it had before if it was stopped."""
        for attempt in range(_ATTEMPTS):
            self.port = self.port or unused_port()
            config = self._write_config()
            self._process = Process(
                ["docker-registry", "serve", str(config)], log=self._directory / "registry.log"
            )
            try:
                self._process.wait_until(self._answers)
            except NotReadyError:
                # Somebody else may have taken the port between our look and its start.
                if attempt == _ATTEMPTS - 1:
                    raise
                self.port = 0
            else:
                return

    def serve_in(self, namespace: str) -> None:
        """Serve the same images, on the same port, on the loopback of a network namespace, too."""
        argv = ["ip", "netns", "exec", namespace, "docker-registry", "serve"]
        config, log = self._directory / "config.yml", self._directory / "elsewhere.log"
        self._elsewhere.append(Process([*argv, str(config)], log=log))

    def stop(self) -> None:
        """Stop serving and keep the images; its address then refuses connections. Repeatable."""
        for process in (self._process, *self._elsewhere):
            if process is not None:
                process.stop()
        self._elsewhere.clear()

    def close(self) -> None:
        """Stop it and remove its images. Repeatable."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == (401 if self.login else 200)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _write_config(self) -> Path:
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self._directory / "images")},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }
        if self.login:
            passwords = self._directory / "htpasswd"
            passwords.write_text(_HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "argoexec", "path": str(passwords)}}
        path = self._directory / "config.yml"
        path.write_text(json.dumps(config))  # JSON is YAML, too
        return path


@contextmanager
def _claims() -> Iterator[None]:
    """Let one process at a time make a directory or remove one: half of either looks dead."""
    with (_BASE / "axr.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep() -> None:
    """Remove registries whose test process was killed."""
    for directory in _BASE.glob(f"{_PREFIX}*"):
        if not owner_lives(directory):
            kernel.kill_naming(directory)
            shutil.rmtree(directory, ignore_errors=True)
