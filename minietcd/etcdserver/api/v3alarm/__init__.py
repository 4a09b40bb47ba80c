"""Alarms: what is wrong with a member, kept in the backend so that all members agree on it.

An alarm is a pair: a member's id and a kind, ``NOSPACE`` or ``CORRUPT``. It is raised and disarmed by
requests that go through raft like any write, so each member changes its table when it applies the entry.
While any member is out of space, all of them refuse what would grow the store.

``AlarmStore`` has the table in memory, and each alarm as a key of the backend's bucket ``alarm``. Raising or
disarming twice does nothing the second time. A snapshot brings another backend; the server then makes the
store anew from it. Nothing here waits.

Go: etcdserver/api/v3alarm/alarms.go
"""
