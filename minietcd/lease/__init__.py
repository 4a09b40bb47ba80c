"""Leases: keys that go when their owner stops to ask for them.

A lease has an id, a time to live and the keys attached to it. It is written to the backend; which keys hang
on it is not: the store attaches them again while it restores. Only the leader watches the clock; it proposes
a revocation, and every member applies that.

Read first: ``lessor.py``.

Go: lease/lessor.go
"""
