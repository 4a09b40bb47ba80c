"""What a leader knows of the others: how far each log matches its own, and what is under way to it.

``progress`` is one follower, ``inflights`` the window of messages sent to it and not yet answered,
``tracker`` all of them together with the configuration they make up.

Go: raft/tracker/tracker.go
"""
