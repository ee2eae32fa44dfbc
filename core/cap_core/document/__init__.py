"""Reads documents: from files and any published dialect to one model, with the place of every key.

Imports plugins, settings, plan and what stands below them."""
