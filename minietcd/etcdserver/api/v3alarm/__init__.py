"""Alarms: what is wrong with a member, kept in the backend so that all members agree on it."""
