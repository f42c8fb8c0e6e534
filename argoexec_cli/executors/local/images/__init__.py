"""Images on this host: had by one pull for all pods that wait, told of while it lasts, and removed
when nobody has used them for long or the disk is nearly full.
"""
