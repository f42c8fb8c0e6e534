"""Ordinary Workflows on real Argo: their tasks are handed to our executors."""
