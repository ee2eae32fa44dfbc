"""Authentication schemes, one file each."""
