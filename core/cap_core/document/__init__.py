"""Reads documents: from files and any published dialect to one model, with the place of every key.

Imports plugins, settings, plan and the packages below them."""
