"""`argoexec provision` and its neighbours on machines of the lab."""
