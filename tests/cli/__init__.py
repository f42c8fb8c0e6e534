"""Tests of argoexec_cli.cli."""
