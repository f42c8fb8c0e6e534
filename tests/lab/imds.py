"""The metadata service of one instance, run in its network namespace.

    python -m tests.lab.imds DOCUMENT

The document is read at every question, so a test changes what an instance is told by writing it.
`v1` says whether it answers without a token, as EC2 does unless tokens are required.
"""

from __future__ import annotations

import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.lab.network import METADATA

_TTL: Final = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN: Final = "X-aws-ec2-metadata-token"


class Handler(BaseHTTPRequestHandler):
    """Answers from the document."""

    document: Path
    tokens: Final[set[str]] = set()

    def do_PUT(self) -> None:
        """Hand out a token (version 2 of the protocol)."""
        if self.path != "/latest/api/token" or not (lifetime := self.headers.get(_TTL)):
            return self._answer(400)
        token = secrets.token_urlsafe(32)
        self.tokens.add(token)
        return self._answer(200, token, {_TTL: lifetime})

    def do_GET(self) -> None:
        """Answer a question: a value, or the names below a directory."""
        data = json.loads(self.document.read_text())
        if not data["v1"] and self.headers.get(_TOKEN) not in self.tokens:
            return self._answer(401)
        _version, _, path = self.path.strip("/").partition("/")
        found = _find(data["tree"], path)
        return self._answer(404) if found is None else self._answer(200, _render(path, found))

    def _answer(self, code: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())


def _find(tree: Any, path: str) -> Any:
    for step in filter(None, path.split("/")):
        if not isinstance(tree, dict) or step not in tree:
            return None
        tree = tree[step]
    return tree


def _render(path: str, found: Any) -> str:
    if not isinstance(found, dict):
        return str(found)
    if path.endswith("public-keys"):
        return "\n".join(f"{index}={key['_name']}" for index, key in found.items())
    names = (f"{name}/" if isinstance(below, dict) else name for name, below in found.items())
    return "\n".join(name for name in names if not name.startswith("_"))


def main() -> None:
    """Serve until killed."""
    Handler.document = Path(sys.argv[1])
    ThreadingHTTPServer((METADATA, 80), Handler).serve_forever()


if __name__ == "__main__":
    main()
