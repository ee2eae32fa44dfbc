"""A document's model compiled to a frozen plan, every name resolved, or to the diagnostics that say why not.

Imports runtime, document, plugins, plan and what stands below them; no event loop, no network."""
