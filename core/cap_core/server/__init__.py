"""Serves requests: listeners, routes, admission of callers, pages, and the process around them.

Imports runtime, document, plugins, settings, plan and what stands below them; not compile."""
