"""Which recipe, passphrase and addresses explain a digest."""
