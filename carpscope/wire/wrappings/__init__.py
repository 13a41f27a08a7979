"""One file a wrapping: `WRAPPING`, found by its folder."""
