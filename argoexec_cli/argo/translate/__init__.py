"""Between Argo's words and ours, pure: a Template becomes a `PodRequest`, a pod's end a NodeResult.

The plugin and the agent get the same Template JSON and return the same NodeResult, so there is one
translation for both.
"""
