"""The v2 key space: a tree of directories and files, kept in memory and saved whole into raft snapshots.

Clients of v3 never see it, yet every member has one: who is a member lives under ``/0/members``, the cluster
version under ``/0/version``, and a client's v2 keys under ``/1``. Read ``store`` first, then ``node``.
"""
