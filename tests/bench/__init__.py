"""`make bench`: what a user would feel, measured beside what a user would run instead.

Each measure alternates between ours and theirs in one run, so that both meet the same machine; the
ratio is what counts. Run `python -m tests.bench --help` for choosing measures.
"""
