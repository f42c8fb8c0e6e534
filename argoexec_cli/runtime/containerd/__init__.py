"""containerd (1.6 and newer) as a runtime, through its own API on its socket.

Its interface for kubelets, CRI, only fetches images. `open_containerd` is the door.
"""

from argoexec_cli.runtime.containerd.opening import open_containerd
from argoexec_cli.runtime.containerd.runtime import ContainerdOptions

__all__ = ["ContainerdOptions", "open_containerd"]
