"""A live run: the same observer and detectors as offline, and time as one more event."""
