"""Authentication schemes, one file each: how requests are signed, and how callers are checked.

Imports the core's plugin interfaces, plan, diagnostics and errors, and nothing of the other plugins.
"""
