"""A story in, something to look at out: the terminal, Graphviz, JSON, a page.

A trace comes from ``tracer.slice``, its rows from ``tracer.fold``; what is made of them:

- ``terminal``: lines of Rich, wide or narrow; ``page`` has the same as HTML, and links to Go;
- ``callgraph``: members, tasks and hand-offs as a picture; ``turn`` draws one turn of a task, ``turns`` how
  two channels take turns, ``statechart`` a table of states;
- ``json``: the whole trace, schema 1, which ``load`` reads back; ``player`` puts it into a page.

The same trace gives the same text: ids are counted, and no clock is read. None of it knows what was traced;
names and Go twins are in the trace. Pictures take their colours from the page that they stand in.

Read ``terminal`` first, then ``callgraph``.
"""
