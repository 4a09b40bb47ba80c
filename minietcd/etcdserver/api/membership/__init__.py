"""Who is a member of this cluster: one table, kept in memory, in the v2 tree and in the backend.

A member's id is a hash of its peer URLs and the cluster's token (and of the time, when it joins later), the
cluster's id a hash of its first members' ids: who is started with the same ``--initial-cluster`` computes the
same ids without asking anybody. Only committed configuration changes alter the table, so it is the same
everywhere at the same applied index; an id once removed never comes back. The v2 tree is what a v2 snapshot
carries to other members and what a restart recovers from, the backend's copy is there for the future and for
tools.

Read ``member`` first, then ``cluster``; ``store`` knows the paths and keys.
"""
