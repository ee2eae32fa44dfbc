"""`cap serve`: capabilities as REST and MCP."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Sequence

import click
import structlog

from cap_core import log, server, sockets
from cap_core.cli.live import Live
from cap_core.cli.options import Command, Session, settings_flags
from cap_core.cli.parts import TRANSPORT, Document, documents, offers_of, open_options
from cap_core.cli.startup import tell
from cap_core.errors import CapError, StartError
from cap_core.gateway import Gateway, ListenOptions, listeners
from cap_core.plan import CapabilityPlan, Plan
from cap_core.settings import Settings
from cap_core.sockets import Bound, Wanted

_log = structlog.get_logger("cap.serve")
