"""Tests of the roles under ansible/."""
