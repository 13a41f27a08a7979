"""The machines of `protocol` in a made world."""
