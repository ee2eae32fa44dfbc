"""What compiling gives: frozen data that says everything a request needs to know.

Imports diagnostics, syntax, logging, errors."""
