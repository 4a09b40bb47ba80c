"""``minietcdctl``: etcdctl's words, flags, output and exit codes.

main.py runs the command tree of ctlv3; ctlv3/command holds a file for each command: what it is called with,
which call it makes, and what it prints. cobra.py is how a line of words becomes a command.
"""
