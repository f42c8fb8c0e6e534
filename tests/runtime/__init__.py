"""Tests of argoexec_cli.runtime."""
