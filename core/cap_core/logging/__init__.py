"""The log: its pipeline, and what keeps secrets out of it.

Imports errors and version only."""
