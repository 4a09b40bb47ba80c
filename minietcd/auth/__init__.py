"""Who may do what: users, roles, and the ranges a role may read or write.

The member that a client talks to learns who asks (``auth_info_from_ctx``), the request carries that through
raft, and every member checks it when it applies the request (``is_put_permitted`` …), because permissions may
have changed in between.

Read first: ``store.py``.
"""
