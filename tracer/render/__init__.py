"""A story in, something to look at out: the terminal, Graphviz, JSON. Pure functions, all of them."""
