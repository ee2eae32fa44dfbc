"""What every transport over HTTP/1.1 needs, whatever library opens its connections.

Imports the core's plan, messages and errors, and nothing of any transport or HTTP library.
"""
