"""Binding locations, one file each: where the values of `binds` come from.

Imports the core's plugin interfaces, secrets, dotenv reader and errors, and nothing of the other plugins.
"""
