"""Leases as stored, and as asked about between members."""
