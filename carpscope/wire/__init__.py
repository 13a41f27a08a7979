"""Bytes to headers and back. No keys, no clock, no files."""
