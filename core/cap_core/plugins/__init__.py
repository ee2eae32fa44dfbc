"""The interfaces to plugins: what plugins offer and receive, their hooks, and how they are found and loaded.

Imports plan and the packages below it."""
