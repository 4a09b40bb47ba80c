"""The errors of the v2 API: a code, a message, a cause, and the index of the store at that time."""
