"""One file a system: what its own reader makes of the text."""
