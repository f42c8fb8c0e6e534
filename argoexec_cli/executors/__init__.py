"""Implementations of the `Executor` protocol."""
