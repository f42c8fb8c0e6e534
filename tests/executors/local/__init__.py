"""Tests of the local executor."""
