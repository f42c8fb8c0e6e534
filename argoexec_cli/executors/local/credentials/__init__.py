"""Who we are at a registry: from the pod's Secrets, from Docker's configuration, from AWS.

Which login is for which image is decided as the kubelet decides it (k8s.io/kubernetes,
pkg/credentialprovider/keyring.go): the pod's Secrets before the host's configuration, of each the
longest registry and path first, and every one that matches is tried.
"""
