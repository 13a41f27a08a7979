"""What was observed, in order, per group and node."""
