"""Tests of argoexec_cli.rpc."""
