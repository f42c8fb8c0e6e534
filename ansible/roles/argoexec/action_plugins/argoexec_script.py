"""The action `argoexec_script`: a script of the shell, on a host that needs no Python for it.

Unlike `raw` it goes to the host by stdin, and so do the files that it is to write: neither is among
the arguments of a program, and what the files hold is in no variable and no result of Ansible.

  script   what `sh` runs; it prints what it changes, and nothing where all was as it should be
  files    of each: path, mode, and its content, or as source where it is on this machine;
           the script gets them from the command `files`, as `write_files` takes them
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# All of it is read before any of it runs: what it runs cannot take the rest away from stdin.
_PROGRAM = """\
files() {{
  cat <<'END OF FILES'
{files}
END OF FILES
}}
script() {{
{script}
}}
script </dev/null
"""


class ActionModule(ActionBase):
    """See the module; skipped in check mode."""

    _requires_connection = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run it; failed unless it ends with 0, changed when it printed anything."""
        result = super().run(tmp, task_vars)
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "a script has no check mode"}
        if not self._connection.has_pipelining:
            raise AnsibleActionFail(
                f"nothing can be told a program over {self._connection.transport}"
            )
        files = "\n".join(map(_line, self._task.args.get("files") or []))
        program = _PROGRAM.format(files=files, script=self._task.args["script"])
        command = f"{self._compute_environment_string()} sh -s".strip()
        result.update(self._low_level_execute_command(command, in_data=program.encode()))
        result["changed"] = bool(result["stdout"])
        if result["rc"]:
            result.update(failed=True, msg="the script failed")
        return result


def _line(file: dict[str, str]) -> str:
    source = file.get("source")
    content = Path(source).read_bytes() if source else file["content"].encode()
    return f"{file['path']} {file['mode']} {base64.b64encode(content).decode()}"
