"""Tests of the agent, with a scripted controller on the other side."""
