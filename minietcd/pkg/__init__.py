"""What Go's runtime and etcd's ``pkg`` give, and Python does not: channels, ``go``, wait lists, ids.

Read ``chan`` first: every hand-off between two tasks of a member goes through it.
"""
