"""Forensic reports, from keys to pages."""
