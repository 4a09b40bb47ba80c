"""``minietcdctl``: etcdctl's words, flags, output and exit codes.

A line of words becomes a call, and the answer becomes text:

- ``main.py`` is the program: streams as bytes, the log to standard error, one event loop for one command;
- ``cobra.py`` finds the command that the words name, and reads its flags;
- ``ctlv3`` holds the tree of commands and its help pages, ``ctlv3/command`` a file for each command.

``run`` does the same in a loop that is running already, with streams and an environment given to it, and
returns the exit code. A failure is a line on standard error and a code that says which kind it was, never a
traceback. Only the program's name differs from etcdctl's.

Left out: the v2 commands (``ETCDCTL_API=2``), because the server has no v2 API for clients.

Go: etcdctl/main.go
"""
