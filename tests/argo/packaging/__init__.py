"""What is shipped for clusters."""
