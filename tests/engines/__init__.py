"""Real engines for the tests: Docker Engine and an image registry, private to one test process."""
