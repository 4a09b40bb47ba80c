"""What a member answers over plain HTTP: version, health, metrics; to its peers, who is a member."""
