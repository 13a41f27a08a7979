"""Folders of rotated captures: read on all cores, remembered, merged by time.

    folder ──► extract, file by file, in processes or on a cluster ──► pieces ──► merge ──► frames

A file becomes a `Recording` (what is known of it) and pieces of frames in time order, which
lie in a spool of this run or in the cache. Nothing is interpreted here but which frames matter.
"""
