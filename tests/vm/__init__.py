"""What only a kernel of its own can show. Slow, so `make test-vm` runs it and nothing else does."""
