"""Registration in a cluster."""
