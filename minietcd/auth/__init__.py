"""Who may do what: users, roles, and the ranges a role may read or write.

The member that a client talks to learns who asks (``auth_info_from_ctx``): the name, and the revision of the
auth store at which it was known. Both travel in the request's header through raft. Every member asks again
when it applies the request (``is_put_permitted``, ``is_range_permitted`` …), because permissions may have
changed in between, and all members must decide alike.

The store lives in three buckets of the backend and holds nothing that they do not; ``recover`` reads them
anew after a snapshot has replaced the backend. What is refused is raised as an ``AuthError``, with etcd's
text.

Here auth is disabled, and all is permitted, unless a database of etcd's says otherwise: then nothing is,
since no token is valid. The questions are asked all the same, and where etcd asks them.

Read first: ``store.py``.

Go: auth/store.go
"""
