"""Tests of argoexec_cli.compute."""
