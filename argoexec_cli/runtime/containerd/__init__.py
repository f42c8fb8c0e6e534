"""containerd (1.6 and newer) as a runtime, through the Container Runtime Interface on its socket.

Whatever serves `runtime.v1` will do, CRI-O too. `open_containerd` is the door.
"""

from argoexec_cli.runtime.containerd.opening import open_containerd
from argoexec_cli.runtime.containerd.runtime import ContainerdOptions

__all__ = ["ContainerdOptions", "open_containerd"]
