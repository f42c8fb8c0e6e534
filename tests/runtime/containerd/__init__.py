"""Tests of the containerd runtime's own parts, without a containerd."""
