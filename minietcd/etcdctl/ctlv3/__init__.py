"""The command tree of the v3 API, and its help pages.

``root_cmd`` makes the tree anew for every run: the flags that all commands know, and below them ``get``,
``put``, ``del``, ``member``, ``version`` and ``help``. ``start`` finds the command, runs it, and turns each
end into an exit code:

- 0 when it did what it was asked;
- 1 when the words make no command, with the help page or a hint;
- else the code of the ``CommandError`` that ended it, with its text on standard error.

Only the commands call a server. Read ``ctl`` first.

Go: etcdctl/ctlv3/ctl.go
"""
