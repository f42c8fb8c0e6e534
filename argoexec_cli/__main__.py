"""Lets `python -m argoexec_cli` do what `argoexec` does."""

from argoexec_cli.cli.main import main

if __name__ == "__main__":
    main()
