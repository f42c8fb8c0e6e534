"""Container runtimes behind one small protocol (`base.Runtime`)."""
