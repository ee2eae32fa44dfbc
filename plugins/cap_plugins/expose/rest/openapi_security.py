"""The authentication of callers as an OpenAPI security scheme: where a credential goes, never its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cap_core.plan.values import Constant, Tree

if TYPE_CHECKING:
    from cap_core.plan.upstream import Authentication

_HTTP = {"bearer": "bearer", "basic": "basic", "digest": "digest", "oauth2": "bearer"}


def security_scheme(authentication: Authentication) -> dict[str, object]:
    """The scheme of an exposure's `authentication`; a type this module does not know is named as it is."""
    if authentication.type == "apikey":
        return {"type": "apiKey", "in": _place(authentication), "name": _name(authentication)}
    return {"type": "http", "scheme": _HTTP.get(authentication.type, authentication.type)}


def _name(authentication: Authentication) -> str:
    """The name of the header. Beside `header`, `key` is the secret; `headers` maps names to secrets."""
    several = authentication.options.get("headers")
    if isinstance(several, Tree) and several.keyed:
        return next((item[0] for item in several.items if isinstance(item, tuple)), "X-Api-Key")
    options = ("header",) if "header" in authentication.options else ("key", "name")
    names = (_text(authentication, option) for option in options)
    return next((name for name in names if name), "X-Api-Key")


def _place(authentication: Authentication) -> str:
    place = _text(authentication, "placement") or _text(authentication, "in") or "header"
    return place if place in ("header", "query", "cookie") else "header"


def _text(authentication: Authentication, option: str) -> str:
    """An option that is plain text in the document; "" for one with a variable in it."""
    item = authentication.options.get(option)
    text = item.value if isinstance(item, Constant) else item
    return text if isinstance(text, str) else ""
