"""The errors of the v2 API: a code, a message, a cause, and the index of the store at that time.

``v2store`` raises a ``V2Error``; applying a v2 request catches it, and the request is answered with it. So it
is a result like any other, the same on every member, since each has the same tree when it applies the entry.
Nothing was changed then. ``membership``, whose table is in the tree, takes a missing key for an empty table
and lets every other error pass. Clients of v3 never see one.

Codes and messages are those that v2 clients know; ``index`` counts the changes of the tree so far.

Go: etcdserver/api/v2error/error.go
"""
