"""The settings: their table, and their values from flags, variables and `cap.toml`, each with its origin.

Imports plan and the packages below it."""
