"""Findings for people and programs. Renders, never computes."""
