"""The built-in plugins, which are found by entry points like all others.

Each package imports public modules of `cap_core` and nothing of the other packages: `auth` signs requests and checks
callers, `binding` reads values, `expose` serves, `output` decodes answers, `transport` sends requests.
"""
