"""Tests of the daemon, over real sockets, around an executor that a test steers."""
