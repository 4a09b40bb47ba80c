"""What raft writes to disk and to its peers."""
