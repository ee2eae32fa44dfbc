"""Opens a plan and runs its calls: connections, credentials, building and sending requests, mapping answers.

Imports document, plugins, settings, plan and what stands below them."""
