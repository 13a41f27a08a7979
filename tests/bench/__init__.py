"""Measurements: `make bench`. Figures are no tests, since a busy machine is no bug.

`captures` makes what is read, once. `measure` runs commands in turns and compares them round by
round, `printed` lays out what it found. `throughput`, `startup`, `search` and `simulation` hold the
subjects, `programs` the command lines they share.
"""
