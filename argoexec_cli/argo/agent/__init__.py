"""The external agent: runs the tasks of WorkflowTaskSets, in place of Argo's own agent pods.

follow task sets and workflows ─▶ decide (pure) ─▶ start, resume, post again, cancel
a task: ledger ─▶ executor or HTTP ─▶ ledger ─▶ poster ─▶ status of the task set
"""
