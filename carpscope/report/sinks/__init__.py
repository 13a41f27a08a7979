"""One file an output; found by being here."""
