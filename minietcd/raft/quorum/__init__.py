"""When enough members agree: majorities, and the two majorities at once of a joint configuration.

Both answer the same two questions: up to which index is the log held by a quorum (``committed_index``), and
is a vote won, lost or still open (``vote_result``). Read ``majority`` first; ``joint`` asks it twice.

Go: raft/quorum/quorum.go
"""
