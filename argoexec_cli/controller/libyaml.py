"""PyYAML, without the patterns of its parser in Python: libyaml reads here, and needs none.

To compile them takes longer than to read a manifest.
"""

from __future__ import annotations

from argoexec_cli.postponed import patterns_postponed

with patterns_postponed():
    import yaml

__all__ = ["yaml"]
