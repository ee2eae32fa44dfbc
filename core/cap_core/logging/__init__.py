"""What is written to the log, and what is kept out of it: one pipeline, secrets, redaction.

Imports errors and version only."""
