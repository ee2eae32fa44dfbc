"""Diagnostics about documents: their codes, severities, places and hints.

Imports errors only."""
