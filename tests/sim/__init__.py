"""The simulator: clusters of the real server on a seeded loop with virtual time, and what breaks them.

``faults`` says what goes wrong when, as data; ``workload`` is what clients do meanwhile; ``checks`` look on;
``run`` puts a plan, a workload and the checks together; ``shrink`` makes a plan that fails short; ``mutants``
are eight ways to break the server, to see whether the simulator notices. ``python -m tests.sim --help``.
"""
