"""Makes the request of a step from its target and the bound values."""

from __future__ import annotations

from cap_core.compile.rejection import Rejected
from cap_core.compile.target import Target
from cap_core.plan.request import BodyEncoding, Request, RequestField


def bound_request(target: Target, fields: tuple[RequestField, ...], body_type: str) -> Request:
    """The request of a step. Raises `Rejected` if its authentication adds members to a body that is not JSON."""
    assert target.operation is not None  # only consumed operations can be called
    if body_type != "json" and any(place == "body" for place, _ in target.supplied):
        what = f"the authentication adds a member to the body of {target.address}, which is {body_type}"
        raise Rejected("unsupported-body", target.at, what, "use another placement, or a json body")
    return Request(target.operation, fields, BodyEncoding(body_type, target.body.at if target.body else None))
