"""Follows one request through tasks, channels, disks and wires; the code itself knows nothing of it.

The way of a trace: ``monitor`` hears what the interpreter runs, ``recorder`` writes it down as plain tuples
in a ``journal``, and from there on everything is thought: ``build`` makes the graph, ``slice`` keeps what
served one request, ``fold`` leaves out what a reader need not see, ``render`` shows it. Only ``domain`` (and
the harness, ``cluster``) know minietcd; only ``monitor`` touches ``sys.monitoring``. Read ``model`` first.
"""
