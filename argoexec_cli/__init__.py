"""argoexec: run the tasks of Argo Workflows anywhere."""

__version__ = "0.1.0"
