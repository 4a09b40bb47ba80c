"""A file for each command; global_.py is what they share, printer*.py are the formats of their output."""
