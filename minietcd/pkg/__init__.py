"""What Go's runtime and etcd's ``pkg`` give, and Python does not: channels, ``go``, wait lists, ids.

- Go's own: ``chan`` (channels and ``select``), ``task`` (``go``), ``context`` (what a request carries);
- what varies a run, as parameters, so that a simulation can stand in: ``clock``, ``disk``;
- waiting: ``wait`` (by id, or until an index is applied), ``schedule`` (jobs in the order they came);
- the rest is small: ids, urls, flags, logs, files that survive a crash, numbers as Go writes them.

Nothing here knows etcd: no module imports anything from beyond this package. One thread runs everything, so
what does not await cannot be interrupted, and nothing is locked.

Read ``chan`` first: every hand-off between two tasks of a member goes through it.
"""
