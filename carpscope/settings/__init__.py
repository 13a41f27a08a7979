"""What nodes will start with: configuration files, read as their own systems read them."""
