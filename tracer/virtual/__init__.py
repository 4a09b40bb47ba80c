"""A world in one thread: machines with their own clocks, a network and disks, as a function of a seed.

Code that runs on an asyncio loop, connects by ``create_connection`` and ``create_server``, and takes its
disk, its wall clock and its randomness as parameters, runs here unchanged. Whatever then decides what happens
next is drawn from seeded generators, so that a run can be had again byte for byte.

``loop`` has the time and the processes, ``network`` what is between them, ``disk`` what outlives them. None
of it knows what it carries.
"""
