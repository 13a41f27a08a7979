"""Labels of the wire, told from configurations: one file each; their pages are the rules'."""
