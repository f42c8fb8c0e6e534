"""Submitting to Argo."""
