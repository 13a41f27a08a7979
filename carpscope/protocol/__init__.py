"""What a node does: one step function, one profile per implementation."""
