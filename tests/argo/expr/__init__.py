"""Tests of the conditions."""
