"""A thin client of the Kubernetes API: plain dictionaries, our errors, one connection pool.

Only `argo` and `executors.kubernetes` use it; neither Kubernetes' dictionaries nor the libraries
behind this package go further up.
"""
