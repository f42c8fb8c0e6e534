"""A runtime without containers: it interprets the task's command itself.

It ships with the product (`argoexec serve --runtime fake`): to try manifests, controllers and
clients where no engine is, and to test everything above the seam. It is scripted by the pod itself;
see `script` for what it understands.
"""

from argoexec_cli.runtime.fake.engine import FakeEngine
from argoexec_cli.runtime.fake.runtime import FakeRuntime, open_fake

__all__ = ["FakeEngine", "FakeRuntime", "open_fake"]
