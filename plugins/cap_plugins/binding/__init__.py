"""Binding locations, one file each: where the values of `binds` come from.

Imports the core's offers, secrets, dotenv reader and errors, and nothing of the other plugins.
"""
