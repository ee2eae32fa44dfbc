"""Authentication schemes, one file each: how requests are signed, and how callers are checked.

Imports the core's offers, plan, messages, diagnostics and errors, and nothing of the other plugins.
"""
