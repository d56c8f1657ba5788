"""Files that grow while they are read."""
