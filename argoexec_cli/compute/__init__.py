"""Makes and configures the machines that run tasks."""
