"""Where the values of bindings come from, one file each."""
