"""Certificates of fleets."""
