"""One file a detector; found by being here."""
