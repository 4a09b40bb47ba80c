"""The command tree of the v3 API, and its help pages."""
