"""The command line: one thin file a sub-command."""
