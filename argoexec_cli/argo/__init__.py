"""Real Argo Workflows: what makes its controllers hand tasks to our executors."""
