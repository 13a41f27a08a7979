"""What tests read: traces, vectors, recorded pairs."""
