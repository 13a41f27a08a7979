"""Measurements: `make bench`. Figures are no tests, since a busy machine is no bug.

`measure` runs commands in turns and compares them round by round; every other module
here is a subject, with a list of commands in SUBJECT.
"""
