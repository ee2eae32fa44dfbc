"""A plan opened and its calls run: connections, credentials, requests built and sent, answers mapped.

Imports document, plugins, settings, plan and what stands below them."""
