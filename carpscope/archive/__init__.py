"""Folders of rotated captures: read by many processes at once, put in order of time.

    folder ──► extract, file by file, mapped over an executor ──► pieces ──► in order of time

An executor of `concurrent.futures` does the mapping: processes of this machine, or a Dask
cluster's own. Nothing is interpreted here but which frames matter.
"""
