"""Tests of what reads, runs and judges conformance cases."""
