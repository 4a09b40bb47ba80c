"""The election service."""
