"""From a pod to what the runtime is asked to start: pure functions."""
