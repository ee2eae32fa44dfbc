"""Opens a plan and runs its calls: connections, credentials, building and sending requests, mapping answers.

Imports document, plugins, settings, plan and the packages below them."""
