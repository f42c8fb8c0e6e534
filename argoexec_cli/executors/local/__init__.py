"""The local executor: runs pods on this host's container runtime and survives its own restarts.

    manager   the eight calls of `Executor`, one worker per active pod
    worker    the life of one pod, from accepted to cleaned up
    attempt   one start of one container         ending  why and when a pod is to end early
    database  SQLite with grouped commits        pods    the table of pods (rows) and revisions
    blocks    the format of a log file           logs    writing (reading: reading) log files
    admission cpu, memory and count              images  one pull for many waiting pods
    plan      a pod's spec → container specs     sweep   what is removed, and when

State is written before it is acted on; see the rules in the docstrings of `pods` and `worker`.
"""
