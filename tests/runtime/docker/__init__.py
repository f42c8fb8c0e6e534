"""Tests of the Docker runtime's own parts, and of what only Docker can do to it."""
