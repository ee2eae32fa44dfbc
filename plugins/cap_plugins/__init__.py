"""The built-in plugins; they register by entry points, like anyone's.

Each package imports the public modules of `cap_core` and nothing of its neighbours: `auth` signs and checks, `binding`
finds secrets, `expose` serves, `output` decodes, `transport` sends.
"""
