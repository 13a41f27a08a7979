"""Captures of real processes, and the tool that records them (`captures.record`)."""
