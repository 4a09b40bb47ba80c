"""How one configuration becomes another without two majorities ever deciding apart.

A *simple* change moves at most one voter, so the old and the new majority overlap. Anything larger goes
through a *joint* configuration, in which both have to agree. ``confchange`` makes the steps, ``restore``
walks from nothing to a configuration that was stored.

Go: raft/confchange/confchange.go
"""
