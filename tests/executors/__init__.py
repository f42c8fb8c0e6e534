"""Tests of `argoexec_cli.executors`."""
