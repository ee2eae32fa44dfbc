"""Describes REST exposures in OpenAPI 3.1.

Beside `paths` and `components` there are `tags` (one per capability) and `x-cap-quarantined`: the rejected operations,
each with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cap_core.syntax.path_template import placeholders, shape
from cap_plugins.expose.rest.links import owners_of_routes
from cap_plugins.expose.rest.model import OperationDetail
from cap_plugins.expose.rest.openapi_schemas import PROBLEM, parameter, request_body, responses
from cap_plugins.expose.rest.openapi_security import security_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.plan.call import Call, RejectedOperation
    from cap_core.plan.exposed import ExposedOperation
    from cap_core.plan.plan import ExposurePlan

Json = dict[str, object]

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
_HOLE = re.compile(r"\{\{[^{}]*\}\}|\{[^{}]*\}")


def describe(exposures: tuple[ExposurePlan, ...], shown: frozenset[str]) -> Mapping[str, object]:
    """The description of those of a listener's exposures that are `shown` (`ExposurePlan.key`)."""
    return _Description(exposures).of([exposure for exposure in exposures if exposure.key in shown])


class _Description:
    """Collects a description. Names are unique over all of a listener's exposures, also those that are not shown."""

    def __init__(self, exposures: tuple[ExposurePlan, ...]) -> None:
        self.owners = owners_of_routes(exposures)
        self.paths: dict[str, dict[str, object]] = {}
        self.keys: dict[str, str] = {}
        self.schemes: dict[str, Json] = {}
        self.ids: set[str] = set()

    def of(self, exposures: list[ExposurePlan]) -> Json:
        """The whole description."""
        quarantined = [self._rejected(one, exposure) for exposure in exposures for one in exposure.rejected]
        for exposure in exposures:
            for call in exposure.calls:
                self._add(call, exposure)
        introductions: dict[str, dict[str, None]] = {}
        for exposure in exposures:
            about = exposure.about
            first = _introduced(about.title, about.description)
            introductions.setdefault(about.name, {first: None}).setdefault(exposure.description)
        return {
            "paths": self.paths,
            "components": {**PROBLEM, **({"securitySchemes": self.schemes} if self.schemes else {})},
            "tags": [
                {"name": name, "description": "\n\n".join(filter(None, texts))} for name, texts in introductions.items()
            ],
            "x-cap-quarantined": quarantined,
        }

    def _address(self, exposed: ExposedOperation, capability: str) -> str:
        """The bare path if no other capability has this route, else the path with the capability's name."""
        bare = self.owners[_route(exposed)] == {capability}
        return f"{'' if bare else f'/{capability}'}{exposed.path}"

    def _add(self, call: Call, exposure: ExposurePlan) -> None:
        exposed = call.exposed
        method = exposed.method or "GET"
        address = self._address(exposed, exposure.about.name)
        # Templates that differ only in their placeholders' names are one path to OpenAPI.
        key = self.keys.setdefault(shape(address), _valid(address))
        item = self.paths.setdefault(key, _path_item(call))
        if method in _METHODS and method.lower() not in item:
            item[method.lower()] = self._operation(call, exposure, placeholders(key))

    def _operation(self, call: Call, exposure: ExposurePlan, names: tuple[str, ...]) -> Json:
        exposed = call.exposed
        detail = exposed.detail if isinstance(exposed.detail, OperationDetail) else OperationDetail()
        scheme = self._scheme(exposure)
        body = request_body(call.inputs.items)
        return {
            "operationId": self._id(f"{exposure.about.name}.{exposed.name}"),
            "summary": detail.label or call.describes.title or exposed.name,
            "description": exposed.description or call.describes.description,
            "tags": list(dict.fromkeys([exposure.about.name, *(detail.tags or call.describes.tags)])),
            "parameters": _parameters(call, names),
            **({"requestBody": body} if body else {}),
            "responses": responses(call, guarded=scheme is not None),
            **({"security": [{scheme: []}]} if scheme else {}),
            "x-cap-capability": exposure.about.name,
            "x-cap-call": call.describes.address,
            "x-cap-spec": str(exposed.at),
        }

    def _id(self, wanted: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", wanted)
        unique, n = stem, 1
        while unique in self.ids:
            n += 1
            unique = f"{stem}_{n}"
        self.ids.add(unique)
        return unique

    def _scheme(self, exposure: ExposurePlan) -> str | None:
        if exposure.authentication is None:
            return None
        scheme = security_scheme(exposure.authentication)
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{exposure.authentication.type}_{scheme.get('name', '')}").strip("_")
        name, n = stem, 1
        while self.schemes.setdefault(name, scheme) != scheme:
            n += 1
            name = f"{stem}_{n}"
        return name

    def _rejected(self, rejected: RejectedOperation, exposure: ExposurePlan) -> Json:
        exposed, why = rejected.exposed, rejected.why
        return {
            "capability": exposure.about.name,
            "operation": exposed.name,
            "method": exposed.method,
            "path": exposed.path,
            "code": why.code,
            "message": why.message,
            "hint": why.hint,
            "spec": str(why.at),
        }


def _route(exposed: ExposedOperation) -> tuple[str, str]:
    return exposed.method or "", shape(exposed.path or "")


def _introduced(title: str, description: str) -> str:
    return f"{title}: {description}" if description and not description.startswith(title) else description or title


def _path_item(call: Call) -> Json:
    detail = call.exposed.detail
    if not isinstance(detail, OperationDetail):
        return {}
    texts = {"summary": detail.resource_label or call.describes.resource, "description": detail.resource_description}
    return {key: text for key, text in texts.items() if text}


def _valid(address: str) -> str:
    """A path in which every placeholder has a unique plain name."""
    taken: set[str] = set()

    def named(hole: re.Match[str]) -> str:
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", hole[0].strip("{} ")) or "value"
        name, n = stem, 1
        while name in taken:
            n += 1
            name = f"{stem}_{n}"
        taken.add(name)
        return f"{{{name}}}"

    return _HOLE.sub(named, address)


def _parameters(call: Call, names: tuple[str, ...]) -> list[Json]:
    """The inputs outside the body, and the path's placeholders that no input reads."""
    order = placeholders(call.exposed.path or "")
    renamed = dict(zip(reversed(order), reversed(names), strict=False))
    out = [
        parameter(item, renamed.get(item.wire, item.wire) if item.place == "path" else item.wire)
        for item in call.inputs.items
        if item.place in ("path", "query", "header", "cookie")
    ]
    known = {one["name"] for one in out if one["in"] == "path"}
    out += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
        if name not in known
    ]
    return out
