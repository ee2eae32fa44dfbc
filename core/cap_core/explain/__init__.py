"""What a call would send and why, shown without sending it.

Imports compile, runtime and what stands below them."""
