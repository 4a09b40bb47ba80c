"""etcd v3.4.23, reimplemented small enough to be read in one sitting per package.

Same names, same files, same order, same bytes as etcd; only smaller. Start with
``etcdserver/v3_server.py`` (what a request is), ``raft/node.py`` (how it becomes a log entry) and
``etcdserver/raft.py`` (how the log entry reaches a disk and two other members).
"""
