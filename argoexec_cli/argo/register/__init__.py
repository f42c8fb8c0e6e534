"""Tells a cluster of argoexec, and never breaks a controller by it: look, plan, write, verify.

`looking` finds out what is there. Each route plans from that, purely: `registry`, `plugin_route`,
`agent_route`. `writing` saves what was there, writes and can take all of it back.
"""
