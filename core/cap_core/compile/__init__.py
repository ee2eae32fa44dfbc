"""Compiles a document's model to a frozen plan with every name resolved, or to the diagnostics that refuse it.

Imports runtime, document, plugins, plan and the packages below them; no event loop, no network."""
