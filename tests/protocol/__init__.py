"""The state machines, one decision at a time."""
