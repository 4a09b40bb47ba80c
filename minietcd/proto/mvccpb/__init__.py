"""Keys, values and events."""
