"""Serves requests: listeners, routes, admission of callers, pages, and the process around them.

Imports runtime, document, plugins, settings, plan and the packages below them; not compile."""
