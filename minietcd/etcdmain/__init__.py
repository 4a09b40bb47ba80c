"""The ``minietcd`` command: flags and environment in, one running member, an exit code out.

``config`` has every flag in a table: its default, its text, the field of ``embed`` that it fills. A flag wins
over its ``ETCD_*`` variable; one of etcd's that means nothing here is accepted at its default only. ``etcd``
starts the member, waits for it to stop or for a signal, and then closes it in order.

Whatever cannot be (a bad flag, a busy port, a directory in use) is told in one line, without a traceback, and
the exit code is not 0.

Read ``etcd`` first, then ``config``.

Go: etcdmain/etcd.go
"""
