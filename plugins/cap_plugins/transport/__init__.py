"""Ways to send a request upstream, one package each.

`aiohttp` (the default) and `httpx` speak HTTP/1.1 over the network and share `http1`; `sandbox` answers inside the
process. They import `http1` and the core's plugin interfaces, plan and errors, and nothing of each other.
"""
