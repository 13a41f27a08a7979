"""Logs of the hosts themselves: what they say of the elections the wire shows."""
