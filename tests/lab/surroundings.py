"""What this machine needs to reach package mirrors, handed on to the lab's machines.

The product knows nothing of it: a real host reaches what its own image is set up for.
"""

from __future__ import annotations

import configparser
import io
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_APT = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http", "Acquire::https")
_PIP = ("index-url", "extra-index-url", "trusted-host", "cert", "timeout")


class Mirror(NamedTuple):
    """One line of apt's sources."""

    uri: str
    release: str
    component: str

    def __str__(self) -> str:
        """Render as sources.list has it."""
        return f"deb {self.uri} {self.release} {self.component}"


def release() -> str:
    """Return the code name of this machine's Debian, which the lab's machines run too."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def mirrors() -> list[Mirror]:
    """Return the mirrors of the distribution itself that this machine's apt uses."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    lines = _say("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines()
    found = [Mirror(*line.split()) for line in dict.fromkeys(lines)]
    return [each for each in found if each.release.split("-")[0] == release()]


def files() -> dict[str, bytes]:
    """Return the files, by path, that make a machine reach what this one reaches."""
    made = {
        "/etc/apt/apt.conf.d/90-lab": _apt_options(),
        "/etc/pip.conf": _pip_options(),
        "/etc/environment.d/90-lab.conf": _proxies(""),
        "/etc/environment": _proxies(""),
    }
    if _CERTIFICATES.exists():
        made[str(_CERTIFICATES)] = _CERTIFICATES.read_bytes()
    return made


def _apt_options() -> bytes:
    lines = _say("apt-config", "dump", *_APT).splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith(_APT)).encode()


def _pip_options() -> bytes:
    """Keep of pip's settings those that say where packages are, and of those what is no file."""
    said = _say(sys.executable, "-m", "pip", "config", "list")
    kept = configparser.ConfigParser(interpolation=None)
    kept["global"] = {}
    for line in said.splitlines():
        name, _, value = line.partition("=")
        option = name.removeprefix(":env:.").removeprefix("global.").removeprefix("user.")
        words = [word for word in shlex.split(value)[0].split() if not word.startswith("file:")]
        if option in _PIP and words:
            kept["global"][option] = " ".join(words)
    text = io.StringIO()
    kept.write(text)
    return text.getvalue().encode()


def _proxies(prefix: str) -> bytes:
    found = {name: os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES}
    return "".join(f"{prefix}{name}={value}\n" for name, value in found.items() if value).encode()


def _say(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
