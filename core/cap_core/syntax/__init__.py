"""Texts and their places: YAML trees with marks, templates, names, paths, the tokens of HTTP.

Imports errors and version only; knows nothing of capability documents."""
