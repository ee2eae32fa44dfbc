"""Explains a call without running it: what it would send, and where every part of that comes from.

Imports compile, runtime and what stands below them."""
