"""The executor plugin: an HTTP server that answers Argo's agent and hands tasks to executors."""
