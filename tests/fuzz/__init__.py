"""Inputs nobody meant: made by chance (packets), or by what they reach in the code (atheris)."""
