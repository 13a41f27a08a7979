"""Captures: reading, writing, and saying what is wrong with them."""
