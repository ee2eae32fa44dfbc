"""The table of all settings, from which flags, variables, `cap.toml` keys, their checks and their help are made.

The table is a struct: each field is a setting with its type and its default, and its `Setting` has the rest.
`cap_core.settings.resolve` finds the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cap_core.plan.upstream import Timeouts, Tls
from cap_core.settings.value_types import ANY, CALLER_AUTH, LOG_FORMAT, ORIGIN, PORT, POSITIVE, PROXY, URL, ValueType

LISTENERS, CALLERS, UPSTREAMS, DOCUMENTS = "Listeners", "Callers", "Upstreams", "Documents"
LIFE, PLUGINS, LOGS, CONFIGURATION = "Life", "Plugins", "Logs", "Configuration"


class Setting(msgspec.Struct, frozen=True):
    """The properties of a setting beside its field's name, type and default.

    * `kind`: the type of its values, if the field's type is not enough.
    * `name`: its name for people, if that is not the field's.
    * `absent`: what happens without it, if the default does not show that.
    * `everywhere`: every command that reads documents has the flag, not `serve` alone.
    * `split`: one flag may hold several values, with commas between them.
    * `hidden`: its values are shown as ***.
    """

    help: str
    group: str = UPSTREAMS
    metavar: str = ""
    kind: ValueType | None = None
    name: str = ""
    absent: str = ""
    everywhere: bool = False
    split: bool = False
    hidden: bool = False


class UpstreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An `[upstreams.<NS>]` table of `cap.toml`; a setting that is None has its default."""

    connect: Annotated[float | None, Setting("Seconds until connected.")] = None
    first_byte: Annotated[float | None, Setting("Seconds until the head of the answer is there.")] = None
    idle: Annotated[float | None, Setting("Seconds between two parts of an answer.")] = None
    total: Annotated[
        float | None, Setting("Seconds for the whole exchange.", absent="120 for answers that are collected")
    ] = None
    ca: Annotated[Path | None, Setting("CA certificates to trust.", absent="the system's")] = None
    certificate: Annotated[Path | None, Setting("The certificate to show to the upstream.")] = None
    key: Annotated[Path | None, Setting("Its private key.")] = None
    proxy: Annotated[str | None, Setting("A proxy to go through.", kind=PROXY, hidden=True)] = None
    connections: Annotated[int | None, Setting("The most connections at one time.", absent="no limit")] = None

    def timeouts(self, default: Timeouts) -> Timeouts:
        """These time limits; those that are not set are as in `default`."""
        given = {name: getattr(self, name) for name in Timeouts.__struct_fields__}
        return msgspec.structs.replace(default, **{k: v for k, v in given.items() if v is not None})

    @property
    def tls(self) -> Tls:
        """These TLS files."""
        ca, certificate, key = (str(path) if path else None for path in (self.ca, self.certificate, self.key))
        return Tls(ca, certificate, key)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective settings."""

    host: Annotated[str, Setting("Address of every listener.", LISTENERS, "H")] = "127.0.0.1"
    port: Annotated[
        int | None,
        Setting(
            "One listener for everything: REST at its paths, MCP at /mcp; 0 takes a free one.",
            LISTENERS,
            "P",
            PORT,
            absent="each exposure on the port its document names",
        ),
    ] = None
    public_url: Annotated[
        str | None,
        Setting("What to call ourselves in metadata and OpenAPI.", LISTENERS, "U", URL, absent="the listener"),
    ] = None
    tls_cert: Annotated[Path | None, Setting("Serve https with this certificate chain.", LISTENERS, "F")] = None
    tls_key: Annotated[Path | None, Setting("The private key of --tls-cert.", LISTENERS, "F")] = None

    caller_auth: Annotated[
        str | None,
        Setting(
            "Ask the callers of every exposure that declares no authentication: bearer:NAME or apikey:HEADER:NAME, "
            "where NAME is the variable that holds what they must know.",
            CALLERS,
            "TYPE:NAME",
            CALLER_AUTH,
            everywhere=True,
        ),
    ] = None
    allow_anonymous: Annotated[
        bool, Setting("Permit a listener off loopback whose exposures authenticate nobody.", CALLERS)
    ] = False
    allow_hosts: Annotated[
        tuple[str, ...],
        Setting("A further Host that requests may name.", CALLERS, "H", name="allow-host", absent="ours, localhost"),
    ] = ()
    allow_origins: Annotated[
        tuple[str, ...],
        Setting(
            "A further Origin whose pages may call and read; * for all.",
            CALLERS,
            "O",
            ORIGIN,
            name="allow-origin",
            absent="ours, localhost",
        ),
    ] = ()
    head_timeout: Annotated[
        float, Setting("Seconds that the head of a request may take to arrive.", CALLERS, "S", POSITIVE)
    ] = 30.0
    body_timeout: Annotated[
        float, Setting("Seconds between two parts of a request's body.", CALLERS, "S", POSITIVE)
    ] = 60.0

    base_uris: Annotated[
        Mapping[str, str],
        Setting(
            "Replace the base URI of a consumed namespace; CAPABILITY:NAMESPACE where several documents share one.",
            UPSTREAMS,
            "NS=URL",
            URL,
            name="base-uri",
            everywhere=True,
        ),
    ] = {}
    values: Annotated[
        Mapping[str, str],
        Setting(
            "Supply a binding; CAPABILITY:NAME where several documents share one.",
            UPSTREAMS,
            "[NS.]NAME=VALUE",
            ANY,
            name="set",
            everywhere=True,
            hidden=True,
        ),
    ] = {}
    env_file: Annotated[Path | None, Setting("A dotenv file of bindings.", UPSTREAMS, "F", everywhere=True)] = None
    allow_plaintext: Annotated[
        tuple[str, ...],
        Setting(
            "Send the credentials of this namespace over plain http to other machines.",
            UPSTREAMS,
            "NS",
            everywhere=True,
            absent="refused",
        ),
    ] = ()
    sandbox: Annotated[
        bool, Setting("Answer from the embedded stateful upstream: no key, no network.", UPSTREAMS, everywhere=True)
    ] = False
    sandbox_file: Annotated[
        Path | None, Setting("As --sandbox, with its state kept in this SQLite file.", UPSTREAMS, "F", everywhere=True)
    ] = None

    allow_files: Annotated[
        tuple[Path, ...],
        Setting(
            "A directory below which files that documents name may lie.",
            DOCUMENTS,
            "DIR",
            absent="below their own directory",
            everywhere=True,
        ),
    ] = ()
    strict_outputs: Annotated[
        bool, Setting("Answer 502 where an output mapping finds nothing.", DOCUMENTS, everywhere=True)
    ] = False
    keep_going: Annotated[bool, Setting("Serve the other documents where one is refused.", DOCUMENTS)] = False

    reload: Annotated[bool, Setting("Watch the documents; a bad edit keeps the last good plan and says why.", LIFE)] = (
        False
    )
    drain: Annotated[float, Setting("Seconds that SIGTERM waits for what is in flight.", LIFE, "S")] = 30.0

    block: Annotated[tuple[str, ...], Setting("Leave a plugin out.", PLUGINS, "PLUGIN", everywhere=True)] = ()
    plugins: Annotated[
        tuple[Path, ...],
        Setting("Load a plugin from a Python file.", PLUGINS, "FILE", name="plugin", everywhere=True),
    ] = ()
    only_plugins: Annotated[
        tuple[str, ...] | None,
        Setting(
            "Load only these, with commas between them.", PLUGINS, "LIST", absent="all", everywhere=True, split=True
        ),
    ] = None

    log_format: Annotated[
        Literal["console", "json"] | None,
        Setting(
            "How log lines look; text is console too.",
            LOGS,
            kind=LOG_FORMAT,
            absent="console on a terminal, else json",
            everywhere=True,
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Setting("The least important lines to show; debug adds tracebacks.", LOGS, everywhere=True),
    ] = "info"
    access_log: Annotated[bool, Setting("A log line for every request.", LOGS)] = False

    config: Annotated[
        Path | None,
        Setting(
            "The cap.toml to use.",
            CONFIGURATION,
            "F",
            absent="in the working directory",
            everywhere=True,
        ),
    ] = None

    upstreams: Mapping[str, UpstreamSettings] = {}
    """By namespace, or `<capability>:<namespace>`; only `cap.toml` can set these."""
    origins: Mapping[str, str] = {}
    """The origin of each setting that is not a default, by its path: `flag`, `CAP_PORT`, `cap.toml:3:1`."""

    unread: tuple[Path, ...] = ()
    """The files of this name beside documents that lie elsewhere than in the working directory."""
    unknown: tuple[str, ...] = ()
    """The variables `CAP_…` of the environment that are no settings."""

    def origin(self, *path: str) -> str:
        """The origin of a setting: `origin("port")`, `origin("set", "NAME")`, `origin("upstreams", "ns", "idle")`."""
        return self.origins.get(".".join(path), "default")
