"""The few calls of Docker's Engine API that the engine itself needs, without a client library."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode


class EngineApi:
    """Engine API over a unix socket, blocking; one connection a call."""

    def __init__(self, socket_path: Path) -> None:
        """Talk to the engine at *socket_path*; nothing is opened yet."""
        self._socket_path = socket_path

    def answers(self) -> bool:
        """Tell whether the engine answers a ping."""
        try:
            return bool(self.call("GET", "/_ping") == b"OK")
        except (OSError, http.client.HTTPException, AssertionError):
            return False

    def load(self, archive: bytes) -> None:
        """Load the images of a `docker save` archive."""
        answer = self.call("POST", "/images/load?quiet=1", archive, "application/x-tar")
        _refuse_error(answer)

    def containers(self) -> list[str]:
        """List the ids of all containers, ended ones too."""
        return [entry["Id"] for entry in json.loads(self.call("GET", "/containers/json?all=1"))]

    def remove_container(self, container: str) -> None:
        """Remove a container by force, with its anonymous volumes."""
        self.call("DELETE", f"/containers/{container}?force=1&v=1")

    def push(self, image: str, target: str, *, login: tuple[str, str] | None = None) -> None:
        """Push *image* to a registry under the name *target* (host:port/path:tag)."""
        repository, tag = target.rsplit(":", 1)
        query = urlencode({"repo": repository, "tag": tag})
        self.call("POST", f"/images/{quote(image)}/tag?{query}")
        headers = {"X-Registry-Auth": registry_auth(login)}
        path = f"/images/{quote(repository)}/push?{urlencode({'tag': tag})}"
        _refuse_error(self.call("POST", path, headers=headers))

    def pull(self, image: str, *, login: tuple[str, str] | None = None) -> None:
        """Pull *image* (name:tag); AssertionError with the registry's words when it refuses."""
        name, tag = image.rsplit(":", 1)
        path = f"/images/create?{urlencode({'fromImage': name, 'tag': tag})}"
        _refuse_error(self.call("POST", path, headers={"X-Registry-Auth": registry_auth(login)}))

    def remove_image(self, image: str) -> None:
        """Forget the name *image*; its layers go when no other name is left."""
        self.call("DELETE", f"/images/{quote(image)}?force=1")

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> bytes:
        """Send one request and return its whole answer; AssertionError for a status of 400 up."""
        connection = _UnixConnection(self._socket_path, timeout_s)
        try:
            connection.request(
                method, path, body, {"Content-Type": content_type, **(headers or {})}
            )
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {answer.decode().strip()}")
        return answer

    def call_json(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send *body* as JSON and return the answer's JSON; None for an empty answer."""
        content = None if body is None else json.dumps(body).encode()
        answer = self.call(method, path, content)
        return json.loads(answer) if answer else None


def registry_auth(login: tuple[str, str] | None) -> str:
    """Encode (user, password) as the header X-Registry-Auth wants it."""
    fields = {} if login is None else {"username": login[0], "password": login[1]}
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()


def _refuse_error(answer: bytes) -> None:
    """Raise when a progress stream, which always begins with status 200, ends in an error."""
    for line in answer.splitlines():
        if line.strip() and "error" in (message := json.loads(line)):
            raise AssertionError(message["error"])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._socket_path))
