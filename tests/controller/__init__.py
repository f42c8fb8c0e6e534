"""Tests of argoexec_cli.controller."""
