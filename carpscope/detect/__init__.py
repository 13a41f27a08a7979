"""Observed facts to findings."""
