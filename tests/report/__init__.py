"""What is printed, line for line and key for key."""
