"""The built-in controller: Workflow and WorkflowRun in, pods on executors out."""
