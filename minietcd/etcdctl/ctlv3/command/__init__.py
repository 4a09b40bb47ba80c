"""A file for each command: what it is called with, which call it makes, what it prints.

Those that call a server have the same parts. ``new_put_command`` says what the flags are; ``get_put_op``
checks the words and makes options of them, before anything is sent; ``put_command_func`` makes a client,
calls, and hands the answer to a printer. So nearly all wrong arguments (exit code 128) are told before
anybody is called.

- ``global_.py`` is what all commands share: flags and ``ETCDCTL_*`` variables become a client's
  configuration;
- ``command_ctx`` limits the calls to ``--command-timeout`` seconds. A call that fails or outlasts it ends the
  command with code 1; a write that timed out may still have been applied;
- ``printer*.py`` are the formats (``-w``): simple, fields, json, table, protobuf. A format that cannot show
  an answer refuses it.

Read ``put_command`` first, then ``global_`` and ``printer_simple``.

Go: etcdctl/ctlv3/command/doc.go
"""
