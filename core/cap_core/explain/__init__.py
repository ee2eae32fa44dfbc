"""Explains a call without running it: what it would send, and where every part of that comes from.

Imports compile, runtime and the packages below them."""
