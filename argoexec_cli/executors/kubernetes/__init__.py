"""The executor that makes ordinary Pods in a cluster.

Everything it knows is in the cluster, in the pods' own labels and annotations, so there is nothing
to recover: another process with the same kubeconfig sees the same.
"""
