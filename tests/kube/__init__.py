"""The Kubernetes client, and the API server that tests talk to."""
