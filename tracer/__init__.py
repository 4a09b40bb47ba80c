"""Follows one request through tasks, channels, disks and wires; the code itself knows nothing of it.

The way of a trace: ``monitor`` hears what the interpreter runs, ``recorder`` notes it and does nothing else,
and from there on everything is thought: ``replay`` makes a ``journal`` of the notes, ``build`` the graph,
``slice`` keeps what served one request, ``fold`` leaves out what a reader need not see, ``render`` shows it.
Only ``domain`` (and the harness, ``cluster``) know minietcd; only ``monitor`` touches ``sys.monitoring``.
Read ``model`` first.
"""
