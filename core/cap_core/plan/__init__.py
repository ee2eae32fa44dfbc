"""The plan: frozen data, made by compiling, with everything that serving a request needs.

Imports diagnostics, syntax, logging, errors."""
