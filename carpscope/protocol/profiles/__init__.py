"""One implementation a file; folders are searched, nothing is registered elsewhere."""
