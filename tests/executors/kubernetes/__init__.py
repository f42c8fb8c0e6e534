"""The executor that makes pods in a cluster."""
