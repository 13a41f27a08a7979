"""Frames from files and interfaces, and back into files."""
