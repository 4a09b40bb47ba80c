"""The ``minietcd`` command: flags and environment in, one running member, an exit code out.

Read ``etcd`` first, then ``config`` (every flag, in a table).
"""
