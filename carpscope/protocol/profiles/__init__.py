"""One family of implementations a file; folders are searched, nothing is registered elsewhere."""
