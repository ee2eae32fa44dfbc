"""`type: portkey`: Portkey's own key, and one of four ways to say which provider answers."""

from __future__ import annotations

import msgspec

from cap_core import AuthScheme, Credentials, OptionError, SignContext, hookimpl


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Portkey's key, and the ways to a provider: a virtual key, a config, or a provider with its own key.

    `custom_host` sends a provider's requests to another address; all the others leave the address to Portkey.
    """

    api_key: str
    virtual_key: str | None = None
    config: str | None = None
    provider: str | None = None
    provider_key: str | None = None
    custom_host: str | None = None


WAYS = ("virtualKey", "config", "provider")
"""The options that each choose a provider, of which there has to be exactly one."""

WITH_PROVIDER = ("providerKey", "customHost")
"""The options that say more about `provider`, and nothing without it."""


def sign(options: Options, at: SignContext) -> Credentials:
    """The headers Portkey asks for. Raises `OptionError` unless exactly one way is chosen, and chosen completely."""
    # A blank value chooses nothing, as an unset variable does.
    told = msgspec.to_builtins(options)
    options = msgspec.convert({n: v for n, v in told.items() if n == "apiKey" or (v and v.strip())}, Options)
    given = {name: value for name, value in msgspec.to_builtins(options).items() if value is not None}
    if not at.masked:
        _check_way(given, at)
        _check_provider(given, at)
    named = {
        "x-portkey-api-key": options.api_key,
        "x-portkey-virtual-key": options.virtual_key,
        "x-portkey-config": options.config,
        "x-portkey-provider": options.provider,
        "x-portkey-custom-host": options.custom_host,
        "Authorization": None if options.provider_key is None else f"Bearer {options.provider_key}",
    }
    return Credentials(headers=tuple((n.encode(), v.encode()) for n, v in named.items() if v is not None))


def _check_way(given: dict[str, str], at: SignContext) -> None:
    chosen = [name for name in WAYS if name in given]
    if len(chosen) == 1:
        return
    if chosen:
        both = " and ".join(_shown(name, at) for name in chosen)
        raise OptionError(chosen[-1], f"{both} each choose a provider", "leave one of them set")
    lonely = next((name for name in WITH_PROVIDER if name in given), "")
    what = f"{_shown(lonely, at)} is set, but no provider" if lonely else "no provider is chosen"
    raise OptionError(lonely, f"{what}, and Portkey refuses a key alone", f"set one of: {_four_ways(at)}")


def _check_provider(given: dict[str, str], at: SignContext) -> None:
    if "provider" not in given:
        for name in WITH_PROVIDER:
            if name in given:
                way = next(way for way in WAYS if way in given)
                what = f"{_shown(name, at)} goes with {_shown('provider', at)}, not with {_shown(way, at)}"
                raise OptionError(name, what, "leave it unset")
    elif "providerKey" not in given:
        what = f"{_shown('provider', at)} needs the provider's own key"
        raise OptionError("provider", what, f"set {_shown('providerKey', at)}")
    host = given.get("customHost", "https://")
    if not host.startswith(("https://", "http://")):
        what = f"{_shown('customHost', at)} is not an http or https address"
        raise OptionError("customHost", what, "https://HOST/v1")


def _four_ways(at: SignContext) -> str:
    provider = f"{_shown('provider', at)} with {_shown('providerKey', at)}"
    ways = (_shown("virtualKey", at), _shown("config", at), provider, f"these two with {_shown('customHost', at)}")
    return "; ".join(ways)


def _shown(option: str, at: SignContext) -> str:
    """An option as whoever has to set it knows it: by its variable, where it has one."""
    return at.variables.get(option) or option


@hookimpl
def cap_auth_schemes() -> list[AuthScheme[Options]]:
    """Offer what Portkey asks of its callers; a way whose variable is not set is not taken."""
    return [AuthScheme(key="portkey", options=Options, sign=sign, optional=frozenset((*WAYS, *WITH_PROVIDER)))]
