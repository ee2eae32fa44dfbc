"""Ways to send a request upstream, one file each."""
