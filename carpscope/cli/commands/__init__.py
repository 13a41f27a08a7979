"""One file a sub-command; found by being here."""
