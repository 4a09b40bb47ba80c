"""Raft: one log, agreed on by many."""
