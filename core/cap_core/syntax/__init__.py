"""Syntax that is independent of capability documents: YAML trees with marks, templates, names, paths, HTTP tokens.

Imports errors and version only; knows nothing of capability documents."""
