"""Tests of argoexec_cli.models."""
