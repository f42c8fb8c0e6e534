"""Logins at registries."""
