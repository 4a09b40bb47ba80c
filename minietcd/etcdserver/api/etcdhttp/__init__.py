"""What a member answers over plain HTTP: its version, its health, its metrics, and to peers who its members are."""
