"""Both sides of a broken link, each captured on its own card by `record.py`; CC0-1.0."""
