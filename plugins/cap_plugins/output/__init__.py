"""Decoders of upstream answers, one file for each `outputRawFormat`.

Shared by several: `columns` and `separated` (tables), `lists` (which members are lists).
Imports the core's plugin interfaces, plan, YAML reader and errors, and nothing of the other plugins.
"""
