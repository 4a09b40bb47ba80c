"""Snapshot files."""
