"""All cases, in the order of a document."""

from __future__ import annotations

from keys import authentication, binds, bodies, consumes, flows, formats, info, mcp, outputs, parameters, rest
from keys.case import Case

MODULES = (info, binds, consumes, parameters, authentication, bodies, formats, rest, mcp, outputs, flows)
CASES: list[Case] = [case for module in MODULES for case in module.CASES]
