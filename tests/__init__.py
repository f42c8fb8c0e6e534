"""The test suite; it mirrors the tree of argoexec_cli."""
