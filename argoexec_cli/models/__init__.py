"""Frozen data and the protocols between the parts: no I/O, no library's own types."""
