"""Tests of argoexec_cli.config."""
