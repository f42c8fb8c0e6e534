"""Tests of what speaks to real Argo Workflows."""
