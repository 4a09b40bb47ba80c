"""What a member speaks: to clients, to peers, and to its own disk."""
