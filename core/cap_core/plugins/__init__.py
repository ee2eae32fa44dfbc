"""The seams: what plugins offer and are given, the hooks they answer, and how they are found and loaded.

Imports plan and what stands below it."""
